import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
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
  type RtcCredentials,
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

describe('a message that was certainly not accepted', () => {
  it.each<[string, FaultRule]>([
    ['throttling', { kind: 'error', code: 'FlowLimitExceeded.QPSOverLimit' }],
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

  it('is sent maxAttempts times in all, then reported as rejected', async () => {
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

  it('is signed again for each attempt', async () => {
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

  it('is retried less and less while the service is down, since calls share the retry budget', async () => {
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
  it('is waited for before the retry', async () => {
    emulator.faults.add({ kind: 'error', code: 'FlowLimitExceeded', retryAfter: 1 });
    const receipt = await (await serviceWith()).batchSend(MESSAGE);
    const [first, second] = receipt.attempts.map(({ startedAt }) => Date.parse(startedAt));
    expect(second! - first!).toBeGreaterThanOrEqual(995);
  });
});

describe('a message with an unknown outcome', () => {
  const resetAfterAccepting: FaultRule = { kind: 'reset', accept: true };

  it('is reported, and never sent again by itself', async () => {
    emulator.faults.add({ ...resetAfterAccepting, probability: 1 });
    const error = await rejectionOf<RtcNetworkError>((await serviceWith()).batchSend(MESSAGE));
    expect(error).toBeInstanceOf(RtcNetworkError);
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
      emulator.faults.add(resetAfterAccepting);
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
    emulator.faults.add(resetAfterAccepting);
    const service = await serviceWith({ onUnknown: 'resend' });
    const error = await rejectionOf<RtcNetworkError>(service.batchSend(MESSAGE, { onUnknown: 'report' }));
    expect(outcomesOf(error)).toEqual(['unknown']);
  });
});

describe('the deadline', () => {
  it('ends an attempt whose timeoutMs is longer', async () => {
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

  it('is by default three times the timeoutMs of the call', async () => {
    emulator.faults.add({ kind: 'error', code: 'FlowLimitExceeded', retryAfter: 1 });
    const service = await serviceWith();
    const error = await rejectionOf<RtcApiError>(service.batchSend(MESSAGE, { timeoutMs: 300 }));
    expect(outcomesOf(error)).toEqual(['rejected']);
  });
});

describe('an abort', () => {
  it('ends the wait before a retry, with the outcome known by then', async () => {
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

  it('ends all calls that share a signal, which has one listener', async () => {
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

  it.each<[string, FaultRule, string]>([
    ['waiting for the answer', { kind: 'late', delayMs: 10_000 }, 'sent'],
    ['reading the answer', { kind: 'drip', intervalMs: 20 }, 'headers'],
  ])('ends an attempt while it is %s', async (_when, rule, phase) => {
    emulator.faults.add(rule);
    const service = await serviceWith();
    const controller = new AbortController();
    const sending = rejectionOf<RtcAbortedError>(service.batchSend(MESSAGE, { signal: controller.signal }));
    while (emulator.requests.length === 0) await sleep(5);
    await sleep(100);
    controller.abort();
    expect(await sending).toMatchObject({
      code: 'RTC_ABORTED',
      outcome: 'unknown',
      attempts: [{ phase, failure: 'ABORTED' }],
    });
  });

  it('ends an attempt that waits for a socket, and one during its handshake', async () => {
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
});

describe('a clock skew between this machine and the service', () => {
  it.each([
    ['ahead', -HOUR],
    ['behind', HOUR],
  ])('is corrected once, kept and logged once, where this machine is %s', async (direction, offsetMs) => {
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

  it('costs the calls in flight one retry each at most', async () => {
    emulator.clock.offsetMs = HOUR;
    const logger = new LogLines();
    const service = await serviceWith({}, logger);
    const receipts = await Promise.all(Array.from({ length: 40 }, () => service.batchSend(MESSAGE)));
    expect(receipts.every(({ attempts }) => attempts.length <= 2)).toBe(true);
    expect(accepted()).toBe(40);
    expect(logger.lines).toHaveLength(1);
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
  ])('are renewed once for all refused calls, because of %s', async (_what, old) => {
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

  it("include those that have expired on the emulator's clock", async () => {
    await emulator.close();
    const temporary = { ...NEW, expiration: new Date(Date.now() + HOUR) };
    emulator = await RtcEmulator.start({ credentials: temporary });
    const service = await serviceWith();
    await service.batchSend(MESSAGE);
    emulator.clock.offsetMs = HOUR;
    const error = await rejectionOf<RtcApiError>(service.batchSend(MESSAGE));
    expect(error.apiCode).toBe('InvalidSecretToken');
  });
});

describe('the diagnostics channels', () => {
  it('publish a call from its beginning to its outcome', async () => {
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

  it("publish the beginning in the caller's async context, before anything else happens", async () => {
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

  it('publish a failure with its codes, and the corrections before it', async () => {
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

describe("the operator's log", () => {
  it('changes no outcome when its logger throws', async () => {
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

  it('is empty while all is well, after retries and invalid requests too', async () => {
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
      /^ERROR BatchSendRoomUnicast: the service refuses with AccessDenied\. Give the access key the permission/,
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
      /^ERROR BatchSendRoomUnicast: it was not sent \(ECONNREFUSED, phase "connecting"\)/,
    ],
  ])('has one line for %s, however often that happens', async (_what, rule, line) => {
    const logger = new LogLines();
    const service = await serviceWith({ retry: { maxAttempts: 1 } }, logger);
    emulator.faults.add(rule);
    for (let call = 0; call < 5; call++) await rejectionOf(service.batchSend(MESSAGE));
    expect(logger.lines).toEqual([expect.stringMatching(line)]);
  });

  it('has a line when the credentials provider fails, and one when it works again', async () => {
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
    await sleep(1_050);
    await service.batchSend(MESSAGE);
    expect(logger.lines).toEqual([
      'ERROR Credentials: the provider failed with Error. Nothing can be sent. Check the provider in credentials, and log its errors there: their texts may hold secrets, and are not shown here.',
      'LOG Credentials: the provider works again.',
    ]);
  });
});

describe('closing the app', () => {
  it('aborts calls that do not end within the limit, with the outcome known by then', async () => {
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
    expect(error.message).toContain('aborted by the shutdown of the app in phase "sent"');
    expect(logger.lines).toEqual(['WARN Shutting down: calls that did not end in time are aborted (1).']);
  });

  it('lets a call in flight retry', async () => {
    emulator.faults.add({ kind: 'error', code: 'FailToConnect' });
    emulator.faults.add({ kind: 'error', code: 'FailToConnect' });
    const service = await serviceWith();
    const sending = service.batchSend(MESSAGE);
    while (emulator.requests.length === 0) await sleep(5);
    await modules.pop()!.close();
    expect((await sending).outcome).toBe('accepted');
  });
});
