import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { TestingModule } from '@nestjs/testing';
import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { getEventListeners } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type RoomUnicastService,
  RtcAbortedError,
  RtcApiError,
  RtcConfigError,
  type RtcCredentials,
  type RtcMessagingError,
  type RtcMessagingOptions,
  RtcNetworkError,
  RtcTimeoutError,
} from 'nestjs-rtc-messaging';
import { type FaultRule, RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { listenToEvents } from '../support/events.js';
import { LogLines } from '../support/log-lines.js';
import { rejectionOf } from '../support/rejection.js';
import { listen, respond, startScriptedServer, vendorAnswer } from '../support/scripted-server.js';
import { createService } from '../support/service.js';

const MESSAGE = { roomId: 'room-1', to: ['alice'], message: 'hello' };
const HOUR = 3_600_000;

let emulator: RtcEmulator;
let modules: TestingModule[] = [];

beforeEach(async () => {
  emulator = await RtcEmulator.start();
});
afterEach(async () => {
  for (const module of modules) await module.close();
  modules = [];
  await emulator.close();
});

async function serviceWith(
  options: RtcMessagingOptions = {},
  logger?: LogLines,
): Promise<RoomUnicastService> {
  const { module, service } = await createService({ ...emulator.moduleOptions(), ...options });
  if (logger !== undefined) module.useLogger(logger);
  modules.push(module);
  return service;
}

const outcomesOf = ({ attempts }: { attempts: readonly { outcome: string }[] }): string[] =>
  attempts.map(({ outcome }) => outcome);
const accepted = (): number => emulator.requests.filter(({ outcome }) => outcome === 'accepted').length;

describe('what proves that nothing was accepted', () => {
  it.each<[string, FaultRule]>([
    ['throttling', { kind: 'error', code: 'FlowLimitExceeded.QPSOverLimit' }],
    ['throttling at 200', { kind: 'error', code: 'AccountFlowLimitExceeded', httpStatus: 200 }],
    ['a throttling page', { kind: 'html', httpStatus: 429 }],
    ['a gateway that reached nobody', { kind: 'error', code: 'FailToConnect' }],
  ])('is sent again after %s, and arrives once', async (_what, rule) => {
    emulator.faults.add(rule);
    const receipt = await (await serviceWith()).batchSend(MESSAGE);
    expect(receipt).toMatchObject({ outcome: 'accepted', possibleDuplicate: false });
    expect(outcomesOf(receipt)).toEqual(['rejected', 'accepted']);
    expect(receipt.requestId).toBe(receipt.attempts[1]!.requestId);
    expect(emulator.accepted.count('alice', 'hello')).toBe(1);
  });

  it('is sent again after connections were refused', async () => {
    const service = await serviceWith({ retry: { maxAttempts: 10 } });
    emulator.faults.add({ kind: 'refuse', forMs: 150 });
    const receipt = await service.batchSend({ ...MESSAGE, message: 'again' });
    expect(outcomesOf(receipt).slice(0, -1)).toEqual(
      Array(receipt.attempts.length - 1).fill('not_attempted'),
    );
    expect(receipt.attempts[0]).toMatchObject({ failure: 'ECONNREFUSED', phase: 'connecting' });
    expect(emulator.accepted.count('alice', 'again')).toBe(1);
  });

  it('is sent again maxAttempts times in all, then told', async () => {
    emulator.faults.add({ kind: 'error', code: 'FailToConnect', probability: 1 });
    const service = await serviceWith({ retry: { maxAttempts: 4 } });
    const error = await rejectionOf<RtcApiError>(service.batchSend(MESSAGE));
    expect(error).toMatchObject({ code: 'RTC_API', apiCode: 'FailToConnect', outcome: 'rejected' });
    expect(error.message).toBe(
      'BatchSendRoomUnicast was refused with FailToConnect (HTTP 502) at attempt 4.',
    );
    expect(error.attempts).toHaveLength(4);
    expect(error.requestId).toBe(error.attempts[3]!.requestId);
    expect(emulator.requests).toHaveLength(4);
  });

  it('is signed afresh for each attempt', async () => {
    const server = await startScriptedServer((response, request) =>
      server.received.length === 1
        ? respond(429, '', { 'Retry-After': '1' })(response, request)
        : respond(200, vendorAnswer())(response, request),
    );
    await (await serviceWith({ endpoint: server.url })).batchSend(MESSAGE);
    const [first, second] = server.received.map(({ headers }) => headers);
    expect(second!['x-date']).not.toBe(first!['x-date']);
    expect(second!.authorization).not.toBe(first!.authorization);
    await modules.pop()!.close();
    await server.close();
  });

  it('is not sent again after a refusal that would only be repeated', async () => {
    emulator.faults.add({ kind: 'error', code: 'AccessDenied', probability: 1 });
    const error = await rejectionOf<RtcApiError>((await serviceWith()).batchSend(MESSAGE));
    expect(outcomesOf(error)).toEqual(['rejected']);
  });

  it('is retried less and less while the service is down: the budget is shared', async () => {
    emulator.faults.add({ kind: 'error', code: 'FailToConnect', probability: 1 });
    const service = await serviceWith({ retry: { maxAttempts: 2 } });
    const started = performance.now();
    await Promise.all(Array.from({ length: 150 }, () => rejectionOf(service.batchSend(MESSAGE))));
    const retries = emulator.requests.length - 150;
    expect(retries).toBeGreaterThanOrEqual(100);
    // Time gives back five a second.
    expect(retries).toBeLessThanOrEqual(101 + (performance.now() - started) / 200);
  });
});

describe('Retry-After', () => {
  it('is waited for', async () => {
    emulator.faults.add({ kind: 'error', code: 'FlowLimitExceeded', retryAfter: 1 });
    const receipt = await (await serviceWith()).batchSend(MESSAGE);
    const [first, second] = receipt.attempts.map(({ startedAt }) => Date.parse(startedAt));
    expect(second! - first!).toBeGreaterThanOrEqual(995);
  });

  it('that ends after the deadline is told at once', async () => {
    emulator.faults.add({ kind: 'error', code: 'FlowLimitExceeded', retryAfter: 86_400 });
    const started = performance.now();
    const error = await rejectionOf<RtcApiError>((await serviceWith()).batchSend(MESSAGE));
    expect(outcomesOf(error)).toEqual(['rejected']);
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});

describe('an unknown outcome', () => {
  const broken: FaultRule = { kind: 'reset', accept: true };

  it('is reported, and never sent again by itself', async () => {
    emulator.faults.add({ ...broken, probability: 1 });
    const error = await rejectionOf<RtcNetworkError>((await serviceWith()).batchSend(MESSAGE));
    expect(error).toMatchObject({ outcome: 'unknown', possibleDuplicate: false });
    expect(emulator.requests).toHaveLength(1);
    expect(emulator.accepted.count('alice', 'hello')).toBe(1);
  });

  it.each<[string, RtcMessagingOptions, { onUnknown?: 'resend' }]>([
    ['the module', { onUnknown: 'resend' }, {}],
    ['the call', {}, { onUnknown: 'resend' }],
  ])(
    'is sent again when %s says so, and the receipt says that it may be a duplicate',
    async (_who, settings, options) => {
      emulator.faults.add(broken);
      const { events, stop } = listenToEvents();
      const receipt = await (await serviceWith(settings)).batchSend(MESSAGE, options);
      stop();
      expect(events.at(-1)).toMatchObject({ type: 'outcome', outcome: 'accepted', possibleDuplicate: true });
      expect(events.find(({ type }) => type === 'retry')).toMatchObject({ reason: 'resend' });
      expect(receipt.possibleDuplicate).toBe(true);
      expect(outcomesOf(receipt)).toEqual(['unknown', 'accepted']);
      expect(emulator.accepted.count('alice', 'hello')).toBe(2);
    },
  );

  it('is reported when the call says so, whatever the module says', async () => {
    emulator.faults.add(broken);
    const service = await serviceWith({ onUnknown: 'resend' });
    const error = await rejectionOf<RtcNetworkError>(service.batchSend(MESSAGE, { onUnknown: 'report' }));
    expect(outcomesOf(error)).toEqual(['unknown']);
  });

  it('stays unknown, whatever becomes of the attempts after it', async () => {
    emulator.faults.add(broken);
    emulator.faults.add({ kind: 'error', code: 'InvalidParameter', probability: 1 });
    const service = await serviceWith({ onUnknown: 'resend' });
    const error = await rejectionOf<RtcApiError>(service.batchSend(MESSAGE));
    expect(error).toMatchObject({
      apiCode: 'InvalidParameter',
      outcome: 'unknown',
      possibleDuplicate: false,
    });
    expect(outcomesOf(error)).toEqual(['unknown', 'rejected']);
    expect(error.message).toContain('an earlier attempt may have been accepted');
  });

  it('of each attempt marks the error as a possible duplicate', async () => {
    emulator.faults.add({ ...broken, probability: 1 });
    const service = await serviceWith({ onUnknown: 'resend' });
    const error = await rejectionOf<RtcNetworkError>(service.batchSend(MESSAGE));
    expect(error).toMatchObject({ outcome: 'unknown', possibleDuplicate: true });
    expect(emulator.accepted.count('alice', 'hello')).toBe(3);
  });
});

describe('the deadline', () => {
  it('does not turn a certain refusal into an attempt that has no time to end', async () => {
    // The second attempt would have more time than the first took, but less than it may take. A slower machine only
    // takes longer for the first.
    const server = await startScriptedServer((response, request) =>
      setTimeout(() => respond(502, vendorAnswer('FailToConnect'))(response, request), 700),
    );
    const service = await serviceWith({
      endpoint: server.url,
      deadlineMs: 2_050,
      retry: { maxAttempts: 10 },
    });
    const errors = await Promise.all(
      Array.from({ length: 12 }, () => rejectionOf<RtcApiError>(service.batchSend(MESSAGE))),
    );
    expect(errors.map((error) => outcomesOf(error).join())).toEqual(Array(12).fill('rejected'));
    expect(server.received).toHaveLength(12);
    await modules.pop()!.close();
    await server.close();
  });

  it('ends an attempt that had more time', async () => {
    emulator.faults.add({ kind: 'late', delayMs: 10_000 });
    const service = await serviceWith({ timeoutMs: 5_000, deadlineMs: 100 });
    const error = await rejectionOf<RtcTimeoutError>(service.batchSend(MESSAGE));
    expect(error).toBeInstanceOf(RtcTimeoutError);
    expect(error).toMatchObject({ outcome: 'unknown' });
    expect(error.message).toBe(
      'BatchSendRoomUnicast exceeded deadlineMs of 100 ms in phase "sent"; the message may have been accepted.',
    );
  });

  it("of a call wins over the module's", async () => {
    emulator.faults.add({ kind: 'late', delayMs: 10_000 });
    const service = await serviceWith({ deadlineMs: 60_000 });
    const error = await rejectionOf<RtcTimeoutError>(service.batchSend(MESSAGE, { deadlineMs: 80 }));
    expect(error.message).toContain('deadlineMs of 80 ms');
  });

  it('is three attempts by default, of the time that the call gives to one', async () => {
    emulator.faults.add({ kind: 'error', code: 'FlowLimitExceeded', retryAfter: 1 });
    const service = await serviceWith();
    const error = await rejectionOf<RtcApiError>(service.batchSend(MESSAGE, { timeoutMs: 300 }));
    expect(outcomesOf(error)).toEqual(['rejected']);
  });

  it('takes in the waits between attempts', async () => {
    emulator.faults.add({ kind: 'error', code: 'FailToConnect', probability: 1 });
    const service = await serviceWith({ deadlineMs: 2_000, retry: { maxAttempts: 10 } });
    const error = await rejectionOf<RtcApiError>(service.batchSend(MESSAGE));
    expect(error.outcome).toBe('rejected');
    // Ten attempts would wait for 13 s in between.
    expect(error.attempts.length).toBeLessThan(10);
  });
});

describe('aborting', () => {
  it('works while waiting to send again, and says what is known by then', async () => {
    emulator.faults.add({ kind: 'error', code: 'FlowLimitExceeded', retryAfter: 20 });
    const service = await serviceWith({ deadlineMs: 60_000 });
    const controller = new AbortController();
    const sending = rejectionOf<RtcAbortedError>(service.batchSend(MESSAGE, { signal: controller.signal }));
    while (emulator.requests.length === 0) await sleep(5);
    await sleep(20);
    controller.abort();
    const error = await sending;
    expect(error).toBeInstanceOf(RtcAbortedError);
    expect(error).toMatchObject({ outcome: 'rejected', possibleDuplicate: false });
    expect(error.message).toBe(
      'BatchSendRoomUnicast was aborted while waiting to send again; the message was not accepted.',
    );
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  });

  it('is not answered by another attempt, even where unknown outcomes are sent again', async () => {
    emulator.faults.add({ kind: 'late', delayMs: 10_000 });
    const service = await serviceWith({ onUnknown: 'resend' });
    const controller = new AbortController();
    const sending = rejectionOf<RtcAbortedError>(service.batchSend(MESSAGE, { signal: controller.signal }));
    while (emulator.requests.length === 0) await sleep(5);
    controller.abort();
    expect(await sending).toMatchObject({ code: 'RTC_ABORTED', outcome: 'unknown', attempts: [{}] });
    await sleep(50);
    expect(emulator.requests).toHaveLength(1);
  });

  it('ends all calls that share a signal, with one listener on it', async () => {
    const service = await serviceWith();
    // Until one is accepted, few are under way at a time.
    await service.batchSend(MESSAGE);
    emulator.faults.add({ kind: 'late', delayMs: 10_000, probability: 1 });
    const controller = new AbortController();
    const { signal } = controller;
    const sending = Array.from({ length: 30 }, () =>
      rejectionOf<RtcAbortedError>(service.batchSend(MESSAGE, { signal })),
    );
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    while (emulator.requests.length < 31) await sleep(5);
    controller.abort();
    expect((await Promise.all(sending)).map(({ code }) => code)).toEqual(Array(30).fill('RTC_ABORTED'));
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('ends those calls that are left, after others that shared the signal', async () => {
    const service = await serviceWith();
    const controller = new AbortController();
    const { signal } = controller;
    emulator.faults.add({ kind: 'late', delayMs: 10_000, match: { roomId: 'slow' } });
    const slow = rejectionOf<RtcAbortedError>(service.batchSend({ ...MESSAGE, roomId: 'slow' }, { signal }));
    await service.batchSend(MESSAGE, { signal });
    controller.abort();
    expect((await slow).code).toBe('RTC_ABORTED');
  });

  it.each<[string, FaultRule, string]>([
    ['waiting for the answer', { kind: 'late', delayMs: 10_000 }, 'sent'],
    ['reading the answer', { kind: 'drip', intervalMs: 20 }, 'headers'],
  ])('works while %s', async (_when, rule, phase) => {
    emulator.faults.add(rule);
    const service = await serviceWith();
    const controller = new AbortController();
    const sending = rejectionOf<RtcAbortedError>(service.batchSend(MESSAGE, { signal: controller.signal }));
    while (emulator.requests.length === 0) await sleep(5);
    await sleep(100);
    controller.abort();
    expect(await sending).toMatchObject({ code: 'RTC_ABORTED', outcome: 'unknown', attempts: [{ phase }] });
  });

  it('works while waiting for a socket, and during a handshake', async () => {
    const silent = await listen(createServer());
    const service = await serviceWith({
      endpoint: `https://127.0.0.1:${silent.port}`,
      http: { maxSockets: 1 },
    });
    const controller = new AbortController();
    const sending = ['first', 'second'].map((message) =>
      rejectionOf<RtcAbortedError>(service.batchSend({ ...MESSAGE, message }, { signal: controller.signal })),
    );
    while (silent.connections.length === 0) await sleep(5);
    await sleep(30);
    controller.abort();
    const errors = await Promise.all(sending);
    expect(errors.map(({ outcome, attempts }) => [outcome, attempts[0]!.phase])).toEqual([
      ['not_attempted', 'connecting'],
      ['not_attempted', 'queued'],
    ]);
    await modules.pop()!.close();
    await silent.close();
  });

  it('works while credentials are renewed after a refusal', async () => {
    let asked = 0;
    const controller = new AbortController();
    const service = await serviceWith({
      deadlineMs: 60_000,
      credentials: async () => {
        asked += 1;
        if (asked === 1) return { ...emulator.moduleOptions().credentials, accessKeyId: 'old' };
        setTimeout(() => controller.abort(), 20);
        return new Promise<never>(() => undefined);
      },
    });
    const sending = rejectionOf<RtcMessagingError>(service.batchSend(MESSAGE, { signal: controller.signal }));
    expect(await sending).toMatchObject({ code: 'RTC_ABORTED', outcome: 'rejected' });
  });
});

describe("a clock that differs from the service's", () => {
  it.each([
    ['ahead', -HOUR],
    ['behind', HOUR],
  ])('and is %s is corrected once, and the correction kept and logged once', async (direction, offsetMs) => {
    emulator.clock.offsetMs = offsetMs;
    const logger = new LogLines();
    const service = await serviceWith({}, logger);
    const first = await service.batchSend(MESSAGE);
    expect(first.attempts.map(({ outcome, failure }) => [outcome, failure])).toEqual([
      ['rejected', 'InvalidTimestamp'],
      ['accepted', undefined],
    ]);
    expect((await service.batchSend(MESSAGE)).attempts).toHaveLength(1);
    expect(logger.lines).toEqual([
      expect.stringMatching(
        new RegExp(
          `^WARN This machine's clock is (3599|3600|3601) s ${direction}( of)? the service's\\. .*set the clock`,
        ),
      ),
    ]);
  });

  it('is no hindrance to those under way when it is noticed', async () => {
    emulator.clock.offsetMs = HOUR;
    const logger = new LogLines();
    const service = await serviceWith({}, logger);
    const receipts = await Promise.all(Array.from({ length: 40 }, () => service.batchSend(MESSAGE)));
    expect(receipts.every(({ attempts }) => attempts.length <= 2)).toBe(true);
    expect(accepted()).toBe(40);
    expect(logger.lines).toHaveLength(1);
  });

  it('is no hindrance to who learns of it by a refusal without a Date, once another has found it', async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const server = await startScriptedServer((response, request) => {
      response.sendDate = false;
      const refuse = respond(400, vendorAnswer('InvalidTimestamp'));
      if (server.received.length === 1) void held.then(() => refuse(response, request));
      else if (server.received.length === 2) {
        const date = new Date(Date.now() + HOUR).toUTCString();
        respond(400, vendorAnswer('InvalidTimestamp'), { Date: date })(response, request);
      } else respond(200, vendorAnswer())(response, request);
    });
    const service = await serviceWith({ endpoint: server.url });
    const early = service.batchSend(MESSAGE);
    while (server.received.length === 0) await sleep(5);
    await service.batchSend(MESSAGE);
    release();
    expect(outcomesOf(await early)).toEqual(['rejected', 'accepted']);
    await modules.pop()!.close();
    await server.close();
  });

  it('is corrected even if the call may make one attempt only', async () => {
    emulator.clock.offsetMs = HOUR;
    const service = await serviceWith({ retry: { maxAttempts: 1 } });
    expect((await service.batchSend(MESSAGE)).attempts).toHaveLength(2);
  });

  it('is not corrected by an absurd Date twice', async () => {
    const server = await startScriptedServer((response, request) => {
      // Each refusal claims another time.
      const date = new Date(Date.UTC(2050 + server.received.length)).toUTCString();
      respond(400, vendorAnswer('InvalidTimestamp'), { Date: date })(response, request);
    });
    const service = await serviceWith({ endpoint: server.url });
    const first = await rejectionOf<RtcApiError>(service.batchSend(MESSAGE));
    expect(outcomesOf(first)).toEqual(['rejected', 'rejected']);
    expect(server.received[1]!.headers['x-date']).toMatch(/^2051/);
    const second = await rejectionOf<RtcApiError>(service.batchSend(MESSAGE));
    expect(outcomesOf(second)).toEqual(['rejected']);
    // What it claimed is used by no one else.
    expect(server.received[2]!.headers['x-date']).toMatch(/^202/);
    expect(second.hint).toContain("Set this machine's clock");
    await modules.pop()!.close();
    await server.close();
  });

  it('is corrected again after a refusal that was a mistake', async () => {
    emulator.clock.offsetMs = HOUR;
    const service = await serviceWith();
    emulator.faults.add({ kind: 'error', code: 'InvalidTimestamp', times: 2 });
    expect(outcomesOf(await rejectionOf<RtcApiError>(service.batchSend(MESSAGE)))).toEqual([
      'rejected',
      'rejected',
    ]);
    expect(outcomesOf(await service.batchSend(MESSAGE))).toEqual(['rejected', 'accepted']);
  });

  it('is not taken for known by a refusal that may come before the check of the time', async () => {
    const server = await startScriptedServer((response, request) =>
      respond(400, vendorAnswer(server.received.length === 1 ? 'InvalidTimestamp' : 'InvalidAccessKey'), {
        Date: 'Sat, 01 Jan 2050 00:00:00 GMT',
      })(response, request),
    );
    const service = await serviceWith({ endpoint: server.url });
    await rejectionOf(service.batchSend(MESSAGE));
    await rejectionOf(service.batchSend(MESSAGE));
    expect(server.received.map(({ headers }) => String(headers['x-date']).slice(0, 3))).toEqual([
      '202',
      '205',
      '202',
    ]);
    await modules.pop()!.close();
    await server.close();
  });

  it('of the service, for one request only, does no harm to the next', async () => {
    emulator.faults.add({ kind: 'clock', offsetMs: 3 * HOUR });
    const service = await serviceWith();
    // The refusal's Date is wrong; the attempt after it meets the right clock, and is refused by it.
    const error = await rejectionOf<RtcApiError>(service.batchSend(MESSAGE));
    expect(error.apiCode).toBe('InvalidTimestamp');
    expect((await service.batchSend(MESSAGE)).attempts).toHaveLength(1);
  });
});

describe('credentials that the service refuses', () => {
  const NEW: RtcCredentials = {
    accessKeyId: 'new',
    secretAccessKey: 'new-secret',
    sessionToken: 'new-token',
  };

  beforeEach(async () => {
    await emulator.close();
    emulator = await RtcEmulator.start({
      accounts: [{ credentials: NEW, appIds: ['emulator-app'] }],
    });
  });

  it.each<[string, RtcCredentials]>([
    ['an unknown access key', { accessKeyId: 'old', secretAccessKey: 'old-secret' }],
    ['a wrong secret', { ...NEW, secretAccessKey: 'old-secret' }],
    ['an expired token', { ...NEW, sessionToken: 'old-token' }],
  ])('because of %s are renewed once for all who were refused', async (_what, old) => {
    let asked = 0;
    const service = await serviceWith({
      credentials: async () => {
        asked += 1;
        return asked === 1 ? old : NEW;
      },
    });
    const receipts = await Promise.all(Array.from({ length: 20 }, () => service.batchSend(MESSAGE)));
    expect(receipts.filter(({ attempts }) => attempts[0]!.outcome === 'rejected').length).toBeGreaterThan(5);
    expect(receipts.every(({ attempts }) => attempts.length <= 2)).toBe(true);
    expect([asked, accepted()]).toEqual([2, 20]);
  });

  it('that come from a provider which gives the same again are final', async () => {
    const service = await serviceWith({
      credentials: () => ({ accessKeyId: 'old', secretAccessKey: 'old-secret' }),
    });
    const error = await rejectionOf<RtcApiError>(service.batchSend(MESSAGE));
    expect(error.apiCode).toBe('InvalidAccessKey');
    expect(outcomesOf(error)).toEqual(['rejected']);
  });

  it('and new ones that are refused as well are final: they are renewed once a call', async () => {
    let asked = 0;
    const service = await serviceWith({
      credentials: () => {
        asked += 1;
        return { accessKeyId: `old-${asked}`, secretAccessKey: 'old-secret' };
      },
    });
    const error = await rejectionOf<RtcApiError>(service.batchSend(MESSAGE));
    expect(outcomesOf(error)).toEqual(['rejected', 'rejected']);
    expect(asked).toBe(2);
  });

  it('because they have expired are those of the emulator too', async () => {
    await emulator.close();
    const temporary = { ...NEW, expiration: new Date(Date.now() + HOUR) };
    emulator = await RtcEmulator.start({ credentials: temporary });
    const service = await serviceWith();
    await service.batchSend(MESSAGE);
    emulator.clock.offsetMs = HOUR;
    const error = await rejectionOf<RtcApiError>(service.batchSend(MESSAGE));
    expect(error.apiCode).toBe('InvalidSecretToken');
  });

  it('leave the truth about the message alone when none come after an unknown attempt', async () => {
    emulator.faults.add({ kind: 'reset', accept: true });
    let asked = 0;
    const service = await serviceWith({
      onUnknown: 'resend',
      credentials: () => {
        asked += 1;
        if (asked === 1) return { ...NEW, expiration: Date.now() + 40 };
        throw new Error('gone');
      },
      deadlineMs: 10_000,
      retry: { maxAttempts: 10 },
    });
    emulator.faults.add({ kind: 'error', code: 'FailToConnect', retryAfter: 1 });
    const error = await rejectionOf<RtcMessagingError>(service.batchSend(MESSAGE));
    expect(error).toBeInstanceOf(RtcConfigError);
    expect(error.outcome).toBe('unknown');
    expect(error.attempts.at(-1)).toMatchObject({ outcome: 'not_attempted', failure: 'NO_CREDENTIALS' });
  });
});

describe('what is published on diagnostics channels', () => {
  it('tells a call from its beginning to its outcome', async () => {
    const { events, stop } = listenToEvents();
    emulator.faults.add({ kind: 'error', code: 'FailToConnect' });
    const receipt = await (await serviceWith()).batchSend(MESSAGE);
    stop();
    const types = ['begin', 'attempt', 'wait', 'retry', 'attempt', 'outcome'];
    expect(events.map(({ type }) => type)).toEqual(types);
    const [begin, first, wait, retry, second, outcome] = events;
    const call = {
      module: 'default',
      id: 1,
      action: 'BatchSendRoomUnicast',
      startedAt: expect.any(String),
      recipients: 1,
    };
    expect(begin).toEqual({ type: 'begin', call });
    expect(first).toEqual({ type: 'attempt', call, number: 1, attempt: receipt.attempts[0] });
    expect(wait).toEqual({ type: 'wait', call, reason: 'backoff', delayMs: expect.any(Number) });
    expect(retry).toEqual({ type: 'retry', call, reason: 'rejected', number: 2 });
    expect(second).toEqual({ type: 'attempt', call, number: 2, attempt: receipt.attempts[1] });
    expect(outcome).toEqual({
      type: 'outcome',
      call,
      outcome: 'accepted',
      attempts: receipt.attempts,
      possibleDuplicate: false,
      durationMs: expect.any(Number),
    });
    // One object for all, to keep something by.
    expect(new Set(events.map((event) => 'call' in event && event.call)).size).toBe(1);
  });

  it('tells the beginning in the context of the caller, before anything else happens', async () => {
    const context = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const listener = (event: unknown) => seen.push(context.getStore(), event);
    const service = await serviceWith();
    subscribe('nestjs-rtc-messaging:begin', listener);
    const sending = context.run('the caller', () => service.batchSend({ ...MESSAGE, to: ['a', 'b', 'a'] }));
    unsubscribe('nestjs-rtc-messaging:begin', listener);
    await sending;
    expect(seen).toEqual([
      'the caller',
      { type: 'begin', call: expect.objectContaining({ id: 1, recipients: 2 }) },
    ]);
  });

  it('tells the end of a call that fails as nothing here should', async () => {
    const { events, stop } = listenToEvents();
    const service = await serviceWith();
    // A program may have replaced what the language brings.
    const fail = (): never => {
      throw new Error('not by this library');
    };
    // After the beginning was told.
    const breakClock = (): void => void jest.spyOn(performance, 'now').mockImplementationOnce(fail);
    subscribe('nestjs-rtc-messaging:begin', breakClock);
    const sending = service.batchSend(MESSAGE);
    unsubscribe('nestjs-rtc-messaging:begin', breakClock);
    await expect(sending).rejects.toThrow('not by this library');
    jest.restoreAllMocks();
    stop();
    expect(events.map(({ type }) => type)).toEqual(['begin', 'outcome']);
    expect(events[1]).toMatchObject({ outcome: 'not_attempted', attempts: [] });
    expect(events[1]).not.toHaveProperty('code');
  });

  it('tells a failure with its codes, and what was corrected on the way', async () => {
    const { events, stop } = listenToEvents();
    emulator.clock.offsetMs = HOUR;
    emulator.faults.add({ kind: 'error', code: 'AccessDenied', match: { roomId: 'closed' } });
    const service = await serviceWith({ credentials: async () => emulator.moduleOptions().credentials });
    await service.batchSend(MESSAGE);
    await rejectionOf(service.batchSend({ ...MESSAGE, roomId: 'closed' }));
    await modules.pop()!.close();
    stop();
    expect(events.map(({ type }) => type)).toEqual([
      'begin',
      'credentials',
      'attempt',
      'retry',
      'attempt',
      'clock',
      'outcome',
      'begin',
      'attempt',
      'outcome',
      'shutdown',
    ]);
    expect(events[1]).toEqual({ type: 'credentials', module: 'default', status: 'refreshed', usable: true });
    expect(events[3]).toMatchObject({ reason: 'clock_corrected' });
    const { offsetMs } = events[5] as { offsetMs: number };
    expect(Math.abs(offsetMs - HOUR)).toBeLessThan(2_000);
    expect(events[9]).toMatchObject({ outcome: 'rejected', code: 'RTC_API', apiCode: 'AccessDenied' });
    expect(events[10]).toEqual({ type: 'shutdown', module: 'default', status: 'started', inFlight: 0 });
  });
});

describe('the log', () => {
  it('may throw, and takes no outcome with it', async () => {
    class BrokenLogger extends LogLines {
      protected override printMessages(): void {
        throw new Error('disk full');
      }
    }
    emulator.faults.add({ kind: 'error', code: 'FailToConnect' });
    emulator.faults.add({ kind: 'error', code: 'AccessDenied', match: { roomId: 'closed' } });
    const service = await serviceWith({}, new BrokenLogger());
    expect((await service.batchSend(MESSAGE)).outcome).toBe('accepted');
    const error = await rejectionOf<RtcApiError>(service.batchSend({ ...MESSAGE, roomId: 'closed' }));
    expect(error.apiCode).toBe('AccessDenied');
  });

  it('is quiet while all is well, retries and wrong requests included', async () => {
    const logger = new LogLines();
    const service = await serviceWith({}, logger);
    emulator.faults.add({ kind: 'error', code: 'FailToConnect' });
    emulator.faults.add({ kind: 'error', code: 'InvalidParameter.IllegalTo', match: { roomId: 'r' } });
    await service.batchSend(MESSAGE);
    await rejectionOf(service.batchSend({ ...MESSAGE, roomId: 'r' }));
    await rejectionOf(service.batchSend({ ...MESSAGE, to: [] }));
    expect(logger.lines).toEqual([]);
    expect(logger.debugLines).toEqual(['DEBUG BatchSendRoomUnicast, call 1: attempt 2 (rejected)']);
  });

  it.each<[string, FaultRule, RegExp]>([
    [
      'a key without permission',
      { kind: 'error', code: 'AccessDenied', probability: 1 },
      /^ERROR BatchSendRoomUnicast: the service refuses with AccessDenied\.$/,
    ],
    [
      'an app that does not exist',
      { kind: 'error', code: 'InvalidParameter.NotExistAppId', probability: 1 },
      /^ERROR .*NotExistAppId/,
    ],
    ['unknown outcomes', { kind: 'empty', probability: 1 }, /^WARN .*unknown whether a message was accepted/],
    ['a quota that is used up', { kind: 'html', httpStatus: 429, probability: 1 }, /^WARN .*quota/],
    [
      'connections that are refused',
      { kind: 'refuse', forMs: 60_000 },
      /^ERROR .*can't be reached \(ECONNREFUSED/,
    ],
  ])('has one line for %s, however often', async (_what, rule, line) => {
    const logger = new LogLines();
    const service = await serviceWith({ retry: { maxAttempts: 1 } }, logger);
    emulator.faults.add(rule);
    for (let call = 0; call < 5; call++) await rejectionOf(service.batchSend(MESSAGE));
    expect(logger.lines).toEqual([expect.stringMatching(line)]);
  });

  it('says when the credentials provider fails, and when it works again', async () => {
    const logger = new LogLines();
    let works = false;
    const service = await serviceWith(
      {
        credentials: async () => {
          if (works) return emulator.moduleOptions().credentials;
          throw new Error('s3cret');
        },
      },
      logger,
    );
    await rejectionOf(service.batchSend(MESSAGE));
    await rejectionOf(service.batchSend(MESSAGE));
    works = true;
    // A provider that failed is left alone for a moment.
    await sleep(250);
    await service.batchSend(MESSAGE);
    expect(logger.lines).toEqual([
      'ERROR Credentials: the provider failed with Error. Nothing can be sent.',
      'LOG Credentials: the provider works again.',
    ]);
  });
});

describe('closing the app', () => {
  it('breaks off what does not end within the limit, and says what is known of it', async () => {
    const logger = new LogLines();
    emulator.faults.add({ kind: 'late', delayMs: 20_000 });
    const service = await serviceWith({ timeoutMs: 30_000, shutdownTimeoutMs: 100 }, logger);
    const sending = rejectionOf<RtcAbortedError>(service.batchSend(MESSAGE));
    while (emulator.requests.length === 0) await sleep(5);
    const started = performance.now();
    await modules.pop()!.close();
    expect(performance.now() - started).toBeLessThan(5_000);
    const error = await sending;
    expect(error).toMatchObject({ code: 'RTC_ABORTED', outcome: 'unknown' });
    expect(error.message).toContain('broken off by the shutdown of the app in phase "sent"');
    expect(logger.lines).toEqual(['WARN Shutting down: calls that did not end in time are aborted (1).']);
  });

  it('lets a call that is under way send again', async () => {
    emulator.faults.add({ kind: 'error', code: 'FailToConnect' });
    emulator.faults.add({ kind: 'error', code: 'FailToConnect' });
    const service = await serviceWith();
    const sending = service.batchSend(MESSAGE);
    while (emulator.requests.length === 0) await sleep(5);
    await modules.pop()!.close();
    expect((await sending).outcome).toBe('accepted');
  });

  it('ends a wait at the limit', async () => {
    emulator.faults.add({ kind: 'error', code: 'FlowLimitExceeded', retryAfter: 20 });
    const service = await serviceWith({ deadlineMs: 60_000, shutdownTimeoutMs: 50 });
    const sending = rejectionOf<RtcAbortedError>(service.batchSend(MESSAGE));
    while (emulator.requests.length === 0) await sleep(5);
    await modules.pop()!.close();
    expect(await sending).toMatchObject({ code: 'RTC_ABORTED', outcome: 'rejected' });
  });

  it('can be asked for twice', async () => {
    const service = await serviceWith();
    await service.batchSend(MESSAGE);
    await modules[0]!.close();
    await modules[0]!.close();
  });
});
