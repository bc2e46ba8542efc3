import { afterEach, describe, expect, it } from '@jest/globals';
import type { TestingModule } from '@nestjs/testing';
import {
  RoomBroadcastService,
  type RoomUnicastService,
  RtcApiError,
  RtcMessagingError,
  type RtcMessagingOptions,
  RtcValidationError,
  UserUnicastService,
} from 'nestjs-rtc-messaging';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { LogLines } from '../support/log-lines.js';
import { respond, startScriptedServer, vendorAnswer } from '../support/scripted-server.js';
import { createService } from '../support/service.js';

const closing: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of closing.splice(0).reverse()) await one.close();
});
const keep = <T extends { close(): unknown }>(one: T): T => {
  closing.push(one);
  return one;
};

async function start(options: RtcMessagingOptions = {}): Promise<{
  emulator: RtcEmulator;
  service: RoomUnicastService;
  module: TestingModule;
}> {
  const emulator = keep(await RtcEmulator.start());
  const { module, service } = await createService({ ...emulator.moduleOptions(), ...options });
  keep(module);
  return { emulator, service, module };
}

const REQUEST = { roomId: 'room-1', to: ['alice'], message: 'hello' };
const failureOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'fulfilled',
    (error: unknown) => error,
  );
const throws = (thrown: unknown) => (): never => {
  throw thrown;
};

const revoked = (target: object = {}): object => {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
};

describe('a request', () => {
  it('is sent as it was checked, though its list would say otherwise a second time', async () => {
    const { emulator, service } = await start();
    class Liar extends Array<string> {
      override *[Symbol.iterator](): ArrayIterator<string> {
        for (let index = 0; index < 700; index++) yield `illegal ${index}`;
        return undefined;
      }
    }
    await service.batchSend({ ...REQUEST, to: Liar.from(['alice']) as string[] });
    let reads = 0;
    const changing = new Proxy(['alice', 'bob'], {
      get: (list, name, receiver): unknown =>
        name === '0' && ++reads > 1 ? 'not legal' : Reflect.get(list, name, receiver),
    });
    await service.batchSend({ ...REQUEST, to: changing });
    let asked = 0;
    const getter = Object.defineProperty({ ...REQUEST }, 'message', {
      enumerable: true,
      get: () => (++asked > 1 ? 'x'.repeat(100_000) : 'hello'),
    });
    await service.batchSend(getter);
    const sent = emulator.requests.map(({ body }) => body.toString()).join();
    expect(emulator.requests).toHaveLength(3);
    expect(sent).not.toContain('legal');
    expect([reads, asked]).toEqual([1, 1]);
  });

  it('is sent with the bytes that were checked, whatever a subclass says of them', async () => {
    const { emulator, service } = await start();
    const alice = emulator.room('room-1').join('alice');
    class Liar extends Uint8Array {
      override get byteLength(): number {
        return 1;
      }
      override get buffer(): ArrayBuffer {
        return new ArrayBuffer(64);
      }
    }
    await service.batchSend({ ...REQUEST, message: new Liar([1, 2, 3]) });
    expect(alice.received[0]?.message).toEqual(new Uint8Array([1, 2, 3]));
    const large = await failureOf(service.batchSend({ ...REQUEST, message: new Liar(30_000) }));
    expect(large).toBeInstanceOf(RtcValidationError);
  });

  it('is not changed by what the caller does to it while it waits', async () => {
    const { emulator, service } = await start();
    const [alice, bob] = ['alice', 'bob'].map((user) => emulator.room('room-1').join(user));
    const to = ['alice'];
    const message = new Uint8Array([1]);
    const sending = service.batchSend({ ...REQUEST, to, message });
    to[0] = 'bob';
    message[0] = 9;
    await sending;
    expect(alice!.received.map((one) => one.message)).toEqual([new Uint8Array([1])]);
    expect(bob!.received).toEqual([]);
  });

  it.each<[string, object]>([
    [
      'a getter that throws',
      Object.defineProperty({ ...REQUEST }, 'to', { enumerable: true, get: throws(Symbol('no')) }),
    ],
    ['a proxy that throws', new Proxy(REQUEST, { ownKeys: throws(new Error('no')) })],
    ['nothing, since its proxy is revoked,', revoked()],
    ['a list that is a revoked proxy', { ...REQUEST, to: revoked([]) }],
    ['a list that throws', { ...REQUEST, to: new Proxy(['a'], { get: throws(new Error('no')) }) }],
    [
      'a list with a getter',
      { ...REQUEST, to: Object.defineProperty(['a'], 0, { get: throws(new Error('no')) }) },
    ],
    ['a flag that is an object', { ...REQUEST, message: 'AQID', binary: new Boolean(true) }],
    ['a text that is an object', { ...REQUEST, message: new String('hello') }],
  ])('with %s is refused with an error of this library', async (what, request) => {
    const { service, emulator, module } = await start();
    for (const send of [
      () => service.batchSend(request as never),
      () => service.send(request as never),
      () => module.get(RoomBroadcastService).send(request as never),
      () => module.get(UserUnicastService).send(request as never),
    ])
      expect(await failureOf(send())).toBeInstanceOf(RtcValidationError);
    // A source that throws ends a fan-out, which says so.
    const report = await failureOf(service.fanOut(request as never));
    if (report === 'fulfilled') expect(what).toMatch(/list/);
    else expect(report).toBeInstanceOf(RtcValidationError);
    expect(emulator.requests).toHaveLength(0);
  });

  it.each<[string, object]>([
    ['a Map', new Map([['timeoutMs', 1]])],
    ['a Date', new Date()],
    ['a Promise', Promise.resolve({ timeoutMs: 1 })],
    ['an AbortSignal', AbortSignal.abort()],
    ['a list', []],
    ['a revoked proxy', revoked()],
  ])('is not sent with %s for its options', async (_what, options) => {
    const { service, emulator } = await start();
    for (const call of [service.batchSend(REQUEST, options), service.fanOut(REQUEST, options)]) {
      const error = await failureOf(call);
      expect(error).toBeInstanceOf(RtcValidationError);
      expect((error as Error).message).toContain('options: ');
    }
    expect(emulator.requests).toHaveLength(0);
  });

  it('is read as its class gives it', async () => {
    const { emulator, service } = await start();
    const alice = emulator.room('room-1').join('alice');
    class Announcement {
      readonly roomId = 'room-1';
      readonly to = ['alice'];
      readonly message = 'AQID';
      get from(): string {
        return 'teacher';
      }
      get binary(): boolean {
        return true;
      }
    }
    await service.batchSend(new Announcement());
    expect(alice.received).toMatchObject([{ from: 'teacher', message: new Uint8Array([1, 2, 3]) }]);
    class Hurry {
      get timeoutMs(): number {
        return 0;
      }
    }
    expect(await failureOf(service.batchSend(REQUEST, new Hurry()))).toMatchObject({
      issues: [{ path: 'options.timeoutMs' }],
    });
  });

  it('has nothing of a changed Object.prototype', async () => {
    const { emulator, service } = await start();
    const alice = emulator.room('room-1').join('alice');
    const headers = {};
    const added = {
      headers,
      from: 'mallory',
      binary: true,
      to: ['mallory'],
      signal: AbortSignal.abort(),
      timeoutMs: 1,
      deadlineMs: 1,
      onUnknown: 'resend',
      chunkSize: 1,
      concurrency: 1,
      dedupe: 'none',
      onProgress: throws(new Error('no')),
      RTC_FROM: 'mallory',
      beforeSend: () => Promise.resolve(false),
      Error: { Code: 'AccessDenied' },
      'content-encoding': 'gzip',
      socketPath: '/nowhere',
    };
    for (const [name, value] of Object.entries(added)) {
      Reflect.defineProperty(Object.prototype, name, { value, configurable: true, writable: true });
    }
    try {
      await service.batchSend(REQUEST);
      const report = await service.fanOut({ ...REQUEST, to: ['alice', 'alice', 'bob'] });
      expect(report).toMatchObject({ status: 'accepted', requests: 1, counts: { duplicates: 1 } });
    } finally {
      for (const name of Object.keys(added)) Reflect.deleteProperty(Object.prototype, name);
    }
    // Neither the signature nor the session token is written to what everything in the process sees.
    expect(headers).toEqual({});
    expect(alice.received.map(({ from, message }) => [from, message])).toEqual([
      ['server', 'hello'],
      ['server', 'hello'],
    ]);
  });
});

describe('a signal', () => {
  const fake = (more: object) => ({
    aborted: false,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
    ...more,
  });

  it.each<[string, object]>([
    ['can not be asked', Object.defineProperty(fake({}), 'aborted', { get: throws(Symbol('no')) })],
    ['can not be listened to', fake({ addEventListener: throws(new DOMException('no')) })],
  ])('that %s is refused', async (_what, signal) => {
    const { service, emulator } = await start();
    const error = await failureOf(service.batchSend(REQUEST, { signal: signal as never }));
    expect(error).toBeInstanceOf(RtcValidationError);
    expect((error as RtcValidationError).issues).toMatchObject([{ path: 'options.signal' }]);
    expect(await failureOf(service.fanOut(REQUEST, { signal: signal as never }))).toBeInstanceOf(
      RtcValidationError,
    );
    expect(emulator.requests).toHaveLength(0);
  });

  it('that throws when its listener is removed does not change an acceptance', async () => {
    const { service } = await start();
    const signal = fake({ removeEventListener: throws(Symbol('no')) }) as never;
    expect(await service.batchSend(REQUEST, { signal })).toMatchObject({ outcome: 'accepted' });
    expect(await service.fanOut(REQUEST, { signal })).toMatchObject({ status: 'accepted' });
  });

  it('that aborts while it is listened to ends the call', async () => {
    const { service, emulator } = await start();
    const signal = fake({}) as {
      aborted: boolean;
      addEventListener: (type: string, listener: () => void) => void;
    };
    signal.addEventListener = (_type, listener) => {
      signal.aborted = true;
      listener();
    };
    expect(await failureOf(service.batchSend(REQUEST, { signal: signal as never }))).toMatchObject({
      code: 'RTC_ABORTED',
      outcome: 'not_attempted',
    });
    expect(emulator.requests).toHaveLength(0);
  });

  it('with a reason of any kind aborts with an error of this library', async () => {
    const { service } = await start();
    for (const reason of [Symbol('no'), null, new DOMException('no'), Object.create(null)]) {
      const signal = AbortSignal.abort(reason);
      expect(await failureOf(service.batchSend(REQUEST, { signal }))).toMatchObject({ code: 'RTC_ABORTED' });
    }
  });
});

describe('a credentials provider', () => {
  const key = { accessKeyId: 'emulator-access-key', secretAccessKey: 'emulator-secret-key' };

  it.each<[string, () => unknown]>([
    ['throws a symbol', throws(Symbol('no'))],
    [
      'throws an object whose getters throw',
      throws(Object.defineProperty({}, 'name', { get: throws(new Error('no')) })),
    ],
    ['throws nothing', throws(undefined)],
    ['rejects with a DOMException', () => Promise.reject(new DOMException('no', 'AbortError'))],
    [
      'gives an object whose getters throw',
      () => Object.defineProperty({ ...key }, 'secretAccessKey', { get: throws(Symbol('no')) }),
    ],
    ['gives a proxy that throws', () => new Proxy({}, { get: throws(Symbol('no')) })],
    ['gives no time', () => ({ ...key, expiration: Symbol('no') })],
    ['gives the text of no time', () => ({ ...key, expiration: 'soon' })],
    ['gives an odd time', () => ({ ...key, expiration: { valueOf: throws(new Error('no')) } })],
  ])('that %s fails the call with an error of this library', async (_what, credentials) => {
    const { service, emulator } = await start({ credentials: credentials as never });
    const error = await failureOf(service.batchSend(REQUEST));
    expect(error).toBeInstanceOf(RtcMessagingError);
    expect(error).toMatchObject({ code: 'RTC_CONFIG', outcome: 'not_attempted' });
    expect(emulator.requests).toHaveLength(0);
  });

  it.each<[string, unknown]>([
    ['has passed', new Date(Date.now() - 60_000)],
    ['is in seconds', Math.floor(Date.now() / 1_000) + 3_600],
    ['is zero', 0],
  ])('whose expiration %s is asked once, and logged once', async (_what, expiration) => {
    let asked = 0;
    const credentials = () => {
      asked += 1;
      return Promise.resolve({ ...key, expiration });
    };
    const { service, module } = await start({ credentials: credentials as never });
    const log = new LogLines();
    module.useLogger(log);
    for (let index = 0; index < 3; index++) await service.batchSend(REQUEST);
    expect(asked).toBe(1);
    expect(log.lines.filter((line) => line.includes('expiration'))).toHaveLength(1);
  });
});

describe('an answer', () => {
  it('that is empty gets no fields from a changed Object.prototype', async () => {
    const server = keep(await startScriptedServer(respond(200, '{}')));
    const { service } = await start({ endpoint: server.url });
    const value = { RequestId: '20260101000000ABC' };
    Reflect.defineProperty(Object.prototype, 'ResponseMetadata', { value, configurable: true });
    try {
      expect(await failureOf(service.batchSend(REQUEST))).toMatchObject({ outcome: 'unknown' });
    } finally {
      Reflect.deleteProperty(Object.prototype, 'ResponseMetadata');
    }
  });

  it('that quotes a code of the request is judged by what the service said', async () => {
    const server = keep(
      await startScriptedServer((response, { body }) => {
        const { To } = JSON.parse(body) as { To: string[] };
        if (To.includes('bad'))
          respond(400, vendorAnswer('InvalidParameter.IllegalTo'))(response, null as never);
        else if (To.includes('FailToConnect'))
          respond(502, vendorAnswer('FailToConnect'))(response, null as never);
        else respond(200, vendorAnswer())(response, null as never);
      }),
    );
    const { service } = await start({ endpoint: server.url });
    const to = [
      'bad',
      'InvalidParameter.IllegalTo',
      ...Array.from({ length: 1_000 }, (_, index) => `user${index}`),
    ];
    const report = await service.fanOut({ ...REQUEST, to, message: 'we saw InvalidParameter.IllegalTo' });
    expect(report.stop).toBeUndefined();
    expect(report.counts).toMatchObject({ accepted: 1_001, rejected: 1 });
    const passing = await service.fanOut(
      { ...REQUEST, to: ['FailToConnect', ...to.slice(1)] },
      { chunkSize: 500, chunkDeadlineMs: 500, concurrency: 1 },
    );
    expect(passing.stop).toBeUndefined();
    expect(passing.counts).toMatchObject({ accepted: 502, rejected: 500 });
  });

  it('whose error says success proves nothing', async () => {
    const body = {
      ResponseMetadata: { RequestId: '20260101000000ABC', Error: { Code: 'Success', CodeN: 0 } },
    };
    const server = keep(await startScriptedServer(respond(200, JSON.stringify(body))));
    const { service } = await start({ endpoint: server.url });
    const error = await failureOf(service.batchSend(REQUEST));
    expect(error).toBeInstanceOf(RtcApiError);
    expect(error).toMatchObject({ outcome: 'unknown', apiCode: 'UnreadableResponse' });
  });
});
