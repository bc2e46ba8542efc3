import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Attributes, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AlwaysOffSampler, ParentBasedSampler, type ReadableSpan } from '@opentelemetry/sdk-trace-base';
import type { InjectionToken } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  getRoomBroadcastToken,
  getRoomUnicastToken,
  getUserUnicastToken,
  RoomPresenceService,
  type RoomUnicastService,
  RtcMessagingModule,
  type RtcMessagingOptions,
} from 'nestjs-rtc-messaging';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { changingStore } from '../support/changing-store.js';
import { type Sdk, startSdk, toMs } from '../support/open-telemetry.js';
import { CREDENTIALS, SECRET, TEXT, TOKEN } from '../support/printed.js';
import { rejectionOf } from '../support/rejection.js';
import { createService } from '../support/service.js';

const MESSAGE = { roomId: 'CANARY-room', to: ['CANARY-alice', 'CANARY-bob'], message: TEXT };
const CALL = 'BatchSendRoomUnicast';
const ATTEMPT = `${CALL} attempt`;

let emulator: RtcEmulator;
let sdk: Sdk;
let module: TestingModule | undefined;
const open = async (options: RtcMessagingOptions = {}): Promise<RoomUnicastService> => {
  const created = await createService({ ...emulator.moduleOptions(), from: 'CANARY-sender', ...options });
  module = created.module;
  return created.service;
};
beforeEach(async () => {
  emulator = await RtcEmulator.start();
  sdk = startSdk();
});
afterEach(async () => {
  await module?.close();
  module = undefined;
  await sdk.close();
  await emulator.close();
});

const spansNamed = (name: string): ReadableSpan[] => sdk.spans().filter((span) => span.name === name);
const theSpan = (name: string): ReadableSpan => {
  const [span, ...others] = spansNamed(name);
  expect(others).toEqual([]);
  return span!;
};
const isChildOf = (child: ReadableSpan, parent: ReadableSpan): boolean =>
  child.parentSpanContext?.spanId === parent.spanContext().spanId &&
  child.spanContext().traceId === parent.spanContext().traceId;
const client = (): Attributes => ({
  'messaging.system': 'volcengine_rtc',
  'server.address': '127.0.0.1',
  'server.port': Number(new URL(emulator.url).port),
  'nestjs_rtc_messaging.module': 'default',
});
const sumOf = async (metric: string, attributes: Attributes = {}): Promise<number> => {
  const points = (await sdk.points(metric)).filter((point) =>
    Object.entries(attributes).every(([name, value]) => point.attributes[name] === value),
  );
  return points.reduce((sum, { value }) => sum + (typeof value === 'number' ? value : value.count), 0);
};

describe('the spans of a call', () => {
  it("continue the trace of the caller's own span: the call below it, the attempt below the call", async () => {
    const service = await open();
    const tracer = trace.getTracer('the app');
    const receipt = await tracer.startActiveSpan('close the auction', async (own) => {
      const sending = service.batchSend(MESSAGE);
      // It is the caller's span at the time of the call that counts.
      own.end();
      return sending;
    });
    const [own, call, attempt] = [theSpan('close the auction'), theSpan(CALL), theSpan(ATTEMPT)];
    expect([isChildOf(call, own), isChildOf(attempt, call)]).toEqual([true, true]);

    expect([call.kind, call.status.code]).toEqual([SpanKind.CLIENT, SpanStatusCode.UNSET]);
    expect(call.attributes).toEqual({
      ...client(),
      'messaging.operation.name': CALL,
      'messaging.operation.type': 'send',
      'messaging.batch.message_count': 2,
      'nestjs_rtc_messaging.outcome': 'accepted',
      'nestjs_rtc_messaging.attempts': 1,
    });
    expect([attempt.kind, attempt.status.code]).toEqual([SpanKind.CLIENT, SpanStatusCode.UNSET]);
    expect(attempt.attributes).toEqual({
      ...client(),
      'messaging.operation.name': CALL,
      'http.request.method': 'POST',
      'http.response.status_code': 200,
      'nestjs_rtc_messaging.outcome': 'accepted',
      'nestjs_rtc_messaging.phase': 'done',
      'nestjs_rtc_messaging.request_id': receipt.requestId,
    });
    expect(toMs(attempt.startTime)).toBe(Date.parse(receipt.attempts[0]!.startedAt));
  });

  it("start a trace of their own without a caller's span, one each for calls at the same time", async () => {
    const service = await open();
    const tracer = trace.getTracer('the app');
    await Promise.all([
      service.batchSend(MESSAGE),
      ...['one', 'two'].map((name) =>
        tracer.startActiveSpan(name, async (own) => {
          await service.batchSend(MESSAGE);
          own.end();
        }),
      ),
    ]);
    const calls = spansNamed(CALL);
    expect(calls.filter(({ parentSpanContext }) => parentSpanContext === undefined)).toHaveLength(1);
    for (const name of ['one', 'two']) {
      expect(calls.filter((call) => isChildOf(call, theSpan(name)))).toHaveLength(1);
    }
    for (const call of calls) {
      expect(spansNamed(ATTEMPT).filter((attempt) => isChildOf(attempt, call))).toHaveLength(1);
    }
  });

  it('show each attempt of a call that is tried again, with what it failed with', async () => {
    emulator.faults.add({ kind: 'error', code: 'FailToConnect' });
    emulator.faults.add({ kind: 'error', code: 'FlowLimitExceeded.QPSOverLimit' });
    const service = await open({ deadlineMs: 60_000 });
    await service.batchSend(MESSAGE);
    const call = theSpan(CALL);
    const attempts = spansNamed(ATTEMPT);
    expect(attempts.map((attempt) => isChildOf(attempt, call))).toEqual([true, true, true]);
    expect(attempts.map(({ attributes, status }) => [attributes['error.type'], status.code])).toEqual([
      ['FailToConnect', SpanStatusCode.ERROR],
      ['FlowLimitExceeded.QPSOverLimit', SpanStatusCode.ERROR],
      [undefined, SpanStatusCode.UNSET],
    ]);
    expect(attempts.map(({ attributes }) => attributes['http.request.resend_count'])).toEqual([
      undefined,
      1,
      2,
    ]);
    expect(attempts.map(({ attributes }) => attributes['nestjs_rtc_messaging.throttled'])).toEqual([
      undefined,
      true,
      undefined,
    ]);
    expect([call.status.code, call.attributes['nestjs_rtc_messaging.attempts']]).toEqual([0, 3]);
    expect(
      call.events.map(({ name, attributes }) => [name, attributes?.['nestjs_rtc_messaging.reason']]),
    ).toEqual(
      expect.arrayContaining([
        ['wait', 'backoff'],
        ['retry', 'rejected'],
        ['wait', 'throttled'],
        ['retry', 'throttled'],
      ]),
    );
    for (const attempt of attempts) {
      expect(toMs(attempt.startTime)).toBeGreaterThanOrEqual(toMs(call.startTime));
      expect(toMs(attempt.endTime)).toBeLessThanOrEqual(toMs(call.endTime));
    }

    expect(await sumOf('nestjs_rtc_messaging.throttles')).toBe(1);
    expect(await sumOf('nestjs_rtc_messaging.attempts', { 'error.type': 'FailToConnect' })).toBe(1);
    expect(await sumOf('nestjs_rtc_messaging.attempts', { 'nestjs_rtc_messaging.outcome': 'accepted' })).toBe(
      1,
    );
    expect(await sumOf('nestjs_rtc_messaging.retries', { 'nestjs_rtc_messaging.reason': 'throttled' })).toBe(
      1,
    );
    expect(await sumOf('nestjs_rtc_messaging.outcomes')).toBe(1);
  });

  it.each<[string, string, Attributes, () => unknown, RtcMessagingOptions]>([
    [
      'a refusal',
      'AccessDenied',
      { 'nestjs_rtc_messaging.outcome': 'rejected' },
      () => emulator.faults.add({ kind: 'error', code: 'AccessDenied' }),
      {},
    ],
    [
      'a connection that breaks',
      'RTC_NETWORK',
      { 'nestjs_rtc_messaging.outcome': 'unknown' },
      () => emulator.faults.add({ kind: 'reset' }),
      {},
    ],
    [
      'an unreachable service',
      'RTC_NETWORK',
      { 'nestjs_rtc_messaging.outcome': 'not_attempted' },
      () => emulator.faults.add({ kind: 'refuse', forMs: 60_000 }),
      { retry: { maxAttempts: 1 } },
    ],
    [
      'a provider that fails',
      'RTC_CONFIG',
      { 'nestjs_rtc_messaging.outcome': 'not_attempted' },
      () => undefined,
      {
        credentials: () => {
          throw new Error(SECRET);
        },
      },
    ],
  ])('say of %s that it failed, and with what', async (_what, type, attributes, prepare, options) => {
    prepare();
    const service = await open(options);
    await rejectionOf(service.batchSend(MESSAGE));
    const call = theSpan(CALL);
    expect(call.status).toEqual({ code: SpanStatusCode.ERROR, message: type });
    expect(call.attributes).toMatchObject({ ...attributes, 'error.type': type });
    const attempt = theSpan(ATTEMPT);
    expect(isChildOf(attempt, call)).toBe(true);
    expect(attempt.status.code).toBe(SpanStatusCode.ERROR);
    const [point] = await sdk.points('messaging.client.operation.duration');
    expect(point!.attributes).toMatchObject({ 'error.type': type, 'messaging.operation.name': CALL });
    const sent = attributes['nestjs_rtc_messaging.outcome'] === 'not_attempted' ? 0 : 2;
    expect(await sumOf('messaging.client.sent.messages', { 'error.type': type })).toBe(sent);
  });

  it('end with calls that are aborted, before and while they are in flight', async () => {
    const service = await open();
    await rejectionOf(service.batchSend(MESSAGE, { signal: AbortSignal.abort() }));
    emulator.faults.add({ kind: 'late', delayMs: 60_000 });
    const controller = new AbortController();
    const sending = service.batchSend(MESSAGE, { signal: controller.signal });
    while (emulator.requests.length === 0) await sleep(1);
    controller.abort();
    await rejectionOf(sending);
    expect(spansNamed(CALL).map(({ status, ended }) => [status.message, ended])).toEqual([
      ['RTC_ABORTED', true],
      ['RTC_ABORTED', true],
    ]);
    expect(spansNamed(ATTEMPT)).toHaveLength(1);
  });

  it('are not begun for a request that breaks a rule', async () => {
    const service = await open();
    await rejectionOf(service.batchSend({ ...MESSAGE, to: [] }));
    expect(sdk.spans()).toEqual([]);
    expect(await sdk.points('nestjs_rtc_messaging.outcomes')).toEqual([]);
  });

  it('are active while the call is at work, so that spans of others are their children', async () => {
    const active: (string | undefined)[] = [];
    const service = await open({
      credentials: async () => {
        active.push(trace.getActiveSpan()?.spanContext().spanId);
        return emulator.moduleOptions().credentials;
      },
    });
    await service.batchSend(MESSAGE);
    expect(active).toEqual([theSpan(CALL).spanContext().spanId]);
    expect(trace.getActiveSpan()).toBeUndefined();
  });

  it('are not made below a span that is not sampled', async () => {
    await sdk.close();
    sdk = startSdk({ sampler: new ParentBasedSampler({ root: new AlwaysOffSampler() }) });
    const service = await open();
    await service.batchSend(MESSAGE);
    await service.fanOut({ ...MESSAGE, to: ['alice'] });
    expect(sdk.spans()).toEqual([]);
    expect(await sumOf('nestjs_rtc_messaging.outcomes')).toBe(2);
  });
});

describe('the spans of the other actions and modules', () => {
  it('are named for the action, count users only of a batch, and say which module sends', async () => {
    module = await Test.createTestingModule({
      imports: [RtcMessagingModule.forRoot({ ...emulator.moduleOptions(), name: 'eu' })],
    }).compile();
    const service = <T>(token: InjectionToken<T>): T => module!.get<T>(token);
    await service(getRoomUnicastToken('eu')).send({
      roomId: 'CANARY-room',
      to: 'CANARY-alice',
      message: 'm',
    });
    await service(getRoomBroadcastToken('eu')).send({ roomId: 'CANARY-room', message: 'm' });
    await service(getUserUnicastToken('eu')).send({ to: 'CANARY-alice', message: 'm' });
    for (const name of ['SendRoomUnicast', 'SendBroadcast', 'SendUnicast']) {
      const call = theSpan(name);
      expect(call.attributes).toEqual({
        ...client(),
        'messaging.operation.name': name,
        'messaging.operation.type': 'send',
        'nestjs_rtc_messaging.module': 'eu',
        'nestjs_rtc_messaging.outcome': 'accepted',
        'nestjs_rtc_messaging.attempts': 1,
      });
      expect(isChildOf(theSpan(`${name} attempt`), call)).toBe(true);
      expect(await sumOf('messaging.client.sent.messages', { 'messaging.operation.name': name })).toBe(1);
    }
    const limits = await sdk.points('nestjs_rtc_messaging.quota.limit');
    expect(limits.map(({ attributes }) => attributes['nestjs_rtc_messaging.module'])).toEqual(['eu']);
    expect(await sdk.exported()).not.toContain('CANARY');
  });
});

describe('the metrics of an action that sends no message', () => {
  it('count its call and its attempt, and no message', async () => {
    const service = await open();
    await module!.get(RoomPresenceService).onlineUsers('CANARY-room');
    const name = { 'messaging.operation.name': 'GetRoomOnlineUsers' };
    expect(await sumOf('nestjs_rtc_messaging.outcomes', name)).toBe(1);
    expect(await sumOf('nestjs_rtc_messaging.attempts', name)).toBe(1);
    const [point] = await sdk.points('messaging.client.operation.duration');
    expect(point!.attributes).toEqual({ ...client(), ...name });
    await service.batchSend(MESSAGE);
    expect(await sumOf('messaging.client.sent.messages')).toBe(2);
  });
});

describe('the spans of a fan-out', () => {
  const users = Array.from({ length: 1_300 }, (_none, index) => `CANARY-${index}`);

  it("are below one of the fan-out's own, with what became of everyone", async () => {
    const service = await open();
    const tracer = trace.getTracer('the app');
    const report = await tracer.startActiveSpan('start the class', async (own) => {
      const report = await service.fanOut({ ...MESSAGE, to: ['a b', ...users] });
      own.end();
      return report;
    });
    await service.batchSend(MESSAGE);

    const fanOut = theSpan('fanOut');
    expect(isChildOf(fanOut, theSpan('start the class'))).toBe(true);
    const calls = spansNamed(CALL).filter((call) => isChildOf(call, fanOut));
    expect(calls.map(({ attributes }) => attributes['messaging.batch.message_count']).sort()).toEqual([
      100, 600, 600,
    ]);
    expect(spansNamed(CALL)).toHaveLength(4);
    expect(fanOut.attributes).toEqual({
      ...client(),
      'messaging.operation.name': 'fanOut',
      'nestjs_rtc_messaging.fan_out.id': report.id,
      'nestjs_rtc_messaging.fan_out.status': 'partial',
      'nestjs_rtc_messaging.fan_out.requests': 3,
      'nestjs_rtc_messaging.fan_out.throttled': 0,
      'nestjs_rtc_messaging.fan_out.recipients.input': 1_301,
      'nestjs_rtc_messaging.fan_out.recipients.duplicates': 0,
      'nestjs_rtc_messaging.fan_out.recipients.invalid': 1,
      'nestjs_rtc_messaging.fan_out.recipients.accepted': 1_300,
      'nestjs_rtc_messaging.fan_out.recipients.rejected': 0,
      'nestjs_rtc_messaging.fan_out.recipients.unknown': 0,
      'nestjs_rtc_messaging.fan_out.recipients.not_attempted': 0,
      'error.type': 'partial',
    });
    expect(fanOut.status.code).toBe(SpanStatusCode.ERROR);
    expect(await sumOf('messaging.client.sent.messages')).toBe(1_302);
  });

  it('say what stopped it', async () => {
    emulator.faults.add({ kind: 'error', code: 'AccessDenied', times: 100 });
    const service = await open();
    await service.fanOut({ ...MESSAGE, to: users }, { concurrency: 1 });
    expect(theSpan('fanOut').status).toEqual({ code: SpanStatusCode.ERROR, message: 'refused' });
    expect(isChildOf(theSpan(CALL), theSpan('fanOut'))).toBe(true);
  });
});

describe('the metrics', () => {
  it('hold durations in seconds, the same as the spans', async () => {
    emulator.faults.add({ kind: 'late', delayMs: 60 });
    const service = await open();
    await service.batchSend(MESSAGE);
    const [point] = await sdk.points('messaging.client.operation.duration');
    const { count, sum, min } = point!.value as { count: number; sum: number; min: number };
    expect([count, min]).toEqual([1, sum]);
    const { startTime, endTime } = theSpan(CALL);
    expect(sum).toBeGreaterThanOrEqual(0.059);
    // The attempt's rounding may lengthen the span, and the two are measured one after the other.
    expect(Math.abs(sum * 1_000 - (toMs(endTime) - toMs(startTime)))).toBeLessThan(59);
    expect(point!.attributes).toEqual({
      ...client(),
      'messaging.operation.name': CALL,
      'messaging.operation.type': 'send',
    });
    expect(await sumOf('messaging.client.sent.messages')).toBe(2);
  });

  it('have the quota: how many wait, how much is used, and what the limit is', async () => {
    const service = await open({ quota: { requestsPerSecond: 500, reserve: 100 } });
    const limit = async () =>
      (await sdk.points('nestjs_rtc_messaging.quota.limit')).map(({ value }) => value);
    expect(await limit()).toEqual([400]);
    expect(await sumOf('nestjs_rtc_messaging.quota.queue.length')).toBe(0);

    // Holds all up for longer than this test takes.
    emulator.faults.add({ kind: 'error', code: 'FlowLimitExceeded', retryAfter: 30 });
    await rejectionOf(service.batchSend(MESSAGE));
    const controller = new AbortController();
    const options = { signal: controller.signal, deadlineMs: 600_000 };
    const ended = Promise.allSettled([
      service.batchSend(MESSAGE, options),
      service.batchSend(MESSAGE, options),
    ]);
    while ((await sumOf('nestjs_rtc_messaging.quota.queue.length')) < 2) await sleep(1);
    const priorities = await sdk.points('nestjs_rtc_messaging.quota.queue.length');
    expect(
      priorities.map(({ attributes, value }) => [attributes['nestjs_rtc_messaging.priority'], value]),
    ).toEqual([
      ['single', 2],
      ['bulk', 0],
    ]);
    const [utilization] = await sdk.points('nestjs_rtc_messaging.quota.utilization');
    expect(utilization!.value).toBeGreaterThanOrEqual(0);
    expect(utilization!.value).toBeLessThan(0.01);
    controller.abort();
    await ended;
  });

  it('count the times that a shared quota changed', async () => {
    const service = await open({ quota: { store: changingStore } });
    await service.batchSend(MESSAGE);
    const changes = await sdk.points('nestjs_rtc_messaging.quota.changes');
    expect(
      changes.map(({ attributes, value }) => [attributes['nestjs_rtc_messaging.quota.status'], value]),
    ).toEqual([
      ['shared', 1],
      ['fallback', 1],
    ]);
  });

  it('have how long attempts waited for the quota', async () => {
    // A slot a second: the second call waits for one.
    const service = await open({ quota: { requestsPerSecond: 2, reserve: 1 } });
    await Promise.all([service.batchSend(MESSAGE), service.batchSend(MESSAGE)]);
    const [wait] = await sdk.points('nestjs_rtc_messaging.quota.wait');
    const { count, sum } = wait!.value as { count: number; sum: number };
    expect(count).toBe(1);
    expect(sum).toBeGreaterThan(0.5);
  });

  it('are exported by an SDK that is registered after the app has started', async () => {
    await sdk.close();
    const service = await open();
    await service.batchSend(MESSAGE);
    sdk = startSdk();
    await service.batchSend(MESSAGE);
    expect(await sumOf('nestjs_rtc_messaging.outcomes')).toBe(1);
    expect(await sumOf('nestjs_rtc_messaging.quota.limit')).toBe(500);
    expect(spansNamed(CALL)).toHaveLength(1);
  });
});

describe('the exported telemetry', () => {
  it('holds no recipient, room, sender, message or secret, whatever happens', async () => {
    const service = await open({
      credentials: { ...CREDENTIALS, ...emulator.moduleOptions().credentials, sessionToken: TOKEN },
      onUnknown: 'resend',
      deadlineMs: 60_000,
    });
    // Refused for its token, to begin with.
    await rejectionOf(service.batchSend(MESSAGE));
    await module!.close();
    const working = await open({ onUnknown: 'resend', deadlineMs: 60_000 });
    emulator.faults.add({ kind: 'reset', accept: true });
    expect((await working.batchSend(MESSAGE)).possibleDuplicate).toBe(true);
    emulator.faults.add({ kind: 'error', code: 'InvalidParameter.IllegalTo' });
    await rejectionOf(working.batchSend(MESSAGE));
    await working.fanOut({ ...MESSAGE, to: ['a b', 'CANARY-1', 'CANARY-2'] });

    const text = await sdk.exported();
    expect(text).toContain('InvalidParameter.IllegalTo');
    expect(text).toContain('nestjs_rtc_messaging.possible_duplicate');
    expect(text).not.toMatch(/CANARY|emulator-secret|Signature=|a b/);
    expect(text).not.toContain(emulator.moduleOptions().credentials.accessKeyId);
  });
});

describe('the option telemetry', () => {
  it('switches all of it off', async () => {
    const service = await open({ telemetry: false });
    await service.batchSend(MESSAGE);
    await service.fanOut({ ...MESSAGE, to: ['alice'] });
    expect(sdk.spans()).toEqual([]);
    expect(await sdk.metricNames()).toEqual([]);
  });

  it('can be set in the environment', async () => {
    process.env['RTC_TELEMETRY'] = 'false';
    try {
      await (await open()).batchSend(MESSAGE);
    } finally {
      delete process.env['RTC_TELEMETRY'];
    }
    expect(sdk.spans()).toEqual([]);
  });
});
