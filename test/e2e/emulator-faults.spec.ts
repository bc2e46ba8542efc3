import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { createConnection } from 'node:net';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { type FaultRule, RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { certificate as selfSigned } from '../support/certificate.js';
import { sendRaw, unicastBody } from '../support/raw-request.js';
import { createService } from '../support/service.js';
import { rejectionOf } from '../support/rejection.js';

let emulator: RtcEmulator;
beforeEach(async () => {
  emulator = await RtcEmulator.start();
});
afterEach(() => emulator.close());

const codeOf = ({ body }: Awaited<ReturnType<typeof sendRaw>>): string | undefined =>
  body.ResponseMetadata.Error?.Code;
const codesOf = async (sends: number, body?: string): Promise<(string | undefined)[]> => {
  const codes = [];
  for (let send = 0; send < sends; send++)
    codes.push(codeOf(await sendRaw(emulator, { body: body ?? unicastBody() })));
  return codes;
};

describe('a fault', () => {
  it('applies to the next request, and to no other', async () => {
    const fault = emulator.faults.add({ kind: 'error', code: 'InternalError' });
    expect(await codesOf(2)).toEqual(['InternalError', undefined]);
    expect(fault.applied).toBe(1);
  });

  it('applies to as many requests as its times says', async () => {
    emulator.faults.add({ kind: 'error', code: 'InternalError', times: 2 });
    expect(await codesOf(3)).toEqual(['InternalError', 'InternalError', undefined]);
  });

  it('applies to all requests with a probability of 1, until it is removed', async () => {
    const fault = emulator.faults.add({ kind: 'error', code: 'InternalError', probability: 1 });
    expect(await codesOf(2)).toEqual(['InternalError', 'InternalError']);
    fault.remove();
    expect(await codesOf(1)).toEqual([undefined]);
    expect(emulator.faults.active).toEqual([]);
  });

  it('applies to the same requests for the same seed', async () => {
    const hits = async (seed: number): Promise<string> => {
      emulator.faults.clear();
      emulator.faults.add({ kind: 'error', code: 'InternalError', probability: 0.4, seed });
      return (await codesOf(40)).map((code) => (code === undefined ? '.' : 'x')).join('');
    };
    const first = await hits(7);
    expect(await hits(7)).toBe(first);
    expect(await hits(8)).not.toBe(first);
    expect(first.replaceAll('.', '').length).toBeGreaterThan(8);
    expect(first.replaceAll('.', '').length).toBeLessThan(24);
  });

  it.each<[string, FaultRule['match']]>([
    ['a room', { roomId: 'room-2' }],
    ['a user', { userId: 'bob' }],
    ['whatever a function says', ({ roomId, to }) => roomId === 'room-2' && to.includes('bob')],
  ])('may be for %s', async (_what, match) => {
    emulator.faults.add({ kind: 'error', code: 'InternalError', probability: 1, match } as FaultRule);
    expect(await codesOf(1)).toEqual([undefined]);
    expect(await codesOf(1, unicastBody({ RoomId: 'room-2', To: ['bob'] }))).toEqual(['InternalError']);
  });

  it('draws no random number for requests that it does not match', async () => {
    const hits = async (others: number): Promise<string> => {
      emulator.faults.clear();
      emulator.faults.add({ kind: 'error', code: 'InternalError', probability: 0.5, match: { roomId: 'x' } });
      let text = '';
      for (let send = 0; send < 10; send++) {
        await codesOf(others);
        text += String((await codesOf(1, unicastBody({ RoomId: 'x' })))[0]);
      }
      return text;
    };
    expect(await hits(1)).toBe(await hits(0));
  });

  it('applies in the order of being added', async () => {
    emulator.faults.add({ kind: 'error', code: 'InternalError' });
    emulator.faults.add({ kind: 'error', code: 'FailToConnect' });
    expect(await codesOf(3)).toEqual(['InternalError', 'FailToConnect', undefined]);
  });

  it('that accepts spares what the service itself refuses', async () => {
    emulator.faults.add({ kind: 'reset', accept: true });
    expect(codeOf(await sendRaw(emulator, { secretAccessKey: 'wrong' }))).toBe('SignatureDoesNotMatch');
  });

  it('is recorded with the request', async () => {
    emulator.faults.add({ kind: 'reset' });
    emulator.faults.add({ kind: 'html', httpStatus: 502, accept: true });
    await rejectionOf(sendRaw(emulator));
    expect((await sendRaw(emulator)).body).toContain('<html>');
    expect(emulator.requests).toMatchObject([
      { outcome: 'refused', fault: 'reset' },
      { outcome: 'accepted', fault: 'html', httpStatus: 502 },
    ]);
    expect(emulator.requests[0]).not.toHaveProperty('httpStatus');
    expect(emulator.accepted.count('alice', 'hello')).toBe(1);
  });

  it.each<FaultRule>([
    { kind: 'late', delayMs: 1, accept: false },
    { kind: 'drip', intervalMs: 1, accept: false },
    { kind: 'oversized', bytes: 5_000, accept: false },
  ])('of what was not accepted is not answered as a success: %j', async (rule) => {
    emulator.faults.add(rule);
    expect(codeOf(await sendRaw(emulator))).toBe('InternalError');
    expect(emulator.accepted.total).toBe(0);
  });

  it('closes the connection after the answer, and the next request is served on another', async () => {
    emulator.faults.add({ kind: 'close_after_answer' });
    const { service, module } = await createService(emulator.moduleOptions());
    await service.batchSend({ roomId: 'room-1', to: ['alice'], message: 'one' });
    await sleep(20);
    await service.batchSend({ roomId: 'room-1', to: ['alice'], message: 'two' });
    expect(emulator.accepted.total).toBe(2);
    await module.close();
  });

  it('of the clock shows in Date', async () => {
    emulator.faults.add({ kind: 'clock', offsetMs: 7_200_000 });
    const answer = await sendRaw(emulator);
    expect(codeOf(answer)).toBe('InvalidTimestamp');
    const ahead = Date.parse(String(answer.headers['date'])) - Date.now();
    expect(Math.abs(ahead - 7_200_000)).toBeLessThan(2_000);
  });

  it('of throttling has a Retry-After where one is asked for', async () => {
    emulator.faults.add({ kind: 'error', code: 'FlowLimitExceeded', retryAfter: 3 });
    emulator.faults.add({ kind: 'error', code: 'FlowLimitExceeded' });
    const [first, second] = [await sendRaw(emulator), await sendRaw(emulator)];
    expect([first.status, first.headers['retry-after']]).toEqual([429, '3']);
    expect([second.status, second.headers['retry-after']]).toEqual([429, undefined]);
  });

  it('of refused connections ends by itself, on the same port', async () => {
    const { url } = emulator;
    emulator.faults.add({ kind: 'refuse', forMs: 100 });
    const error = await rejectionOf<NodeJS.ErrnoException>(sendRaw(emulator));
    expect(error.code).toBe('ECONNREFUSED');
    await sleep(150);
    expect(codeOf(await sendRaw(emulator))).toBeUndefined();
    expect(emulator.url).toBe(url);
  });

  it('of refused connections ends when faults are cleared, and does not outlive the emulator', async () => {
    emulator.faults.add({ kind: 'refuse', forMs: 60_000 });
    emulator.faults.clear();
    expect(codeOf(await sendRaw(emulator))).toBeUndefined();
    emulator.faults.add({ kind: 'refuse', forMs: 60_000 });
    await emulator.close();
    expect(process.getActiveResourcesInfo()).not.toContain('TCPSERVERWRAP');
  });

  it('of refused connections does not outlive an emulator that closes as soon as faults are cleared', async () => {
    emulator.faults.add({ kind: 'refuse', forMs: 60_000 });
    emulator.faults.clear();
    await emulator.close();
    await sleep(50);
    const error = await rejectionOf<NodeJS.ErrnoException>(sendRaw(emulator));
    expect(error.code).toBe('ECONNREFUSED');
  });

  it('of connections does not apply to open ones', async () => {
    const socket = createConnection(Number(new URL(emulator.url).port), '127.0.0.1');
    await once(socket, 'connect');
    await sleep(20);
    emulator.faults.add({ kind: 'reset_connection' });
    expect((await rejectionOf<NodeJS.ErrnoException>(sendRaw(emulator))).code).toBe('ECONNRESET');
    expect(socket.destroyed).toBe(false);
    socket.destroy();
  });

  it.each<[unknown, string]>([
    [null, 'A fault must be an object.'],
    [{}, 'kind: must be one of reset, late,'],
    [{ kind: 'explode' }, 'kind: must be one of'],
    [{ kind: 'constructor' }, 'kind: must be one of'],
    [{ kind: 'late' }, 'late.delayMs: is missing'],
    [{ kind: 'late', delayMs: '5' }, 'late.delayMs: must be milliseconds from 0 to 600000'],
    [{ kind: 'reset', accepts: true }, 'reset.accepts: is not an option'],
    [{ kind: 'reset', times: 0 }, 'reset.times: must be a whole number from 1'],
    [{ kind: 'reset', probability: 2 }, 'reset.probability: must be from 0 to 1'],
    [{ kind: 'reset', match: { room: 'x' } }, 'reset.match.room: is not an option; did you mean roomId?'],
    [{ kind: 'reset', match: { userId: 7 } }, 'reset.match.userId: must be a string'],
    [{ kind: 'reset', match: { action: 'UserJoinRoom' } }, 'reset.match.action: must be'],
    [{ kind: 'callback_lost', match: { action: 'SendUnicast' } }, 'callback_lost.match.action: must be'],
    [{ kind: 'callback_late', match: { action: 'UserJoinRoom' } }, 'callback_late.delayMs: is missing'],
    [{ kind: 'reset', match: [] }, 'reset.match: must be an object, got an array'],
    [{ kind: 'late', delayMs: 1, 'accept?': false }, 'late.accept?: is not an option'],
    [{ kind: 'reset', constructor: 1 }, 'reset.constructor: is not an option'],
    [{ kind: 'reset_connection', match: { roomId: 'x' } }, 'reset_connection.match: is not an option'],
    [{ kind: 'error', code: 'Nope' }, 'error.code: must be one of the documented codes'],
    [{ kind: 'html', httpStatus: 99 }, 'html.httpStatus: must be an HTTP status from 200 to 599'],
    [
      { kind: 'error', code: 'InternalError', retryAfter: 'a\nb' },
      'error.retryAfter: must be seconds or a date',
    ],
    [{ kind: 'redirect', location: 'a\r\nb' }, 'redirect.location: must be'],
    [{ kind: 'untrusted_certificate', key: 'a', cert: 'b' }, 'untrusted_certificate: '],
  ])('%j can not be added', (rule, message) => {
    expect(() => emulator.faults.add(rule as FaultRule)).toThrow(message);
    expect(emulator.faults.active).toEqual([]);
  });
});

describe('the control API', () => {
  const control = async (method: string, body?: unknown): Promise<{ status: number; body: unknown }> => {
    const response = await fetch(`${emulator.url}/__emulator/faults`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json() };
  };

  it('sets, lists and clears faults', async () => {
    const faults = [
      { kind: 'error', code: 'FailToConnect', times: 2 },
      { kind: 'late', delayMs: 5 },
    ];
    expect(await control('PUT', { faults })).toMatchObject({ status: 200 });
    expect(await codesOf(1)).toEqual(['FailToConnect']);
    expect((await control('GET')).body).toEqual([
      { ...faults[0], applied: 1 },
      { ...faults[1], applied: 0 },
    ]);
    expect(await control('DELETE')).toEqual({ status: 200, body: {} });
    expect(await codesOf(1)).toEqual([undefined]);
  });

  it.each([
    ['', (_key: string) => ''],
    [' that is in one text with it', (key: string) => key],
  ])('does not give back the private key of a certificate%s', async (_where, before) => {
    const own = await selfSigned();
    const secure = await RtcEmulator.start({ tls: own });
    try {
      const { key, cert } = await selfSigned();
      const rule = { kind: 'untrusted_certificate', key, cert: before(key) + cert, probability: 0 };
      const answers: unknown[] = [];
      for (const method of ['PUT', 'GET']) {
        const asking = request(`${secure.url}/__emulator/faults`, { method, ca: own.cert, agent: false });
        asking.end(method === 'PUT' ? JSON.stringify({ faults: [rule] }) : undefined);
        const [response] = (await once(asking, 'response')) as [IncomingMessage];
        answers.push(await json(response));
      }
      const listed = [{ kind: 'untrusted_certificate', cert, probability: 0, applied: 0 }];
      expect(answers).toEqual([listed, listed]);
      expect(secure.faults.active[0]!.rule).toEqual(rule);
    } finally {
      await secure.close();
    }
  });

  it('says what is wrong with a fault, and then keeps those that were there', async () => {
    emulator.faults.add({ kind: 'late', delayMs: 5 });
    expect(await control('PUT', { faults: [{ kind: 'reset' }, { kind: 'late' }] })).toEqual({
      status: 400,
      body: { error: 'faults[1]: late.delayMs: is missing' },
    });
    const certificate = { kind: 'untrusted_certificate', ...(await selfSigned()) };
    expect(await control('PUT', { faults: [{ kind: 'reset' }, certificate] })).toEqual({
      status: 400,
      body: { error: 'faults[1]: untrusted_certificate: this emulator does not serve over TLS' },
    });
    expect(await control('PUT', {})).toMatchObject({ status: 400 });
    expect(emulator.faults.active).toHaveLength(1);
  });
});
