import { describe, expect, it, jest } from '@jest/globals';
import type { RtcApiError } from '../../lib/errors/rtc-api.error.js';
import { redactCredentials } from '../../lib/credentials/credentials.js';
import { RtcConfigError } from '../../lib/errors/rtc-config.error.js';
import type { RtcMessagingError } from '../../lib/errors/rtc-messaging.error.js';
import type { RtcCallInfo } from '../../lib/diagnostics/rtc-event.js';
import type { Attempt } from '../../lib/errors/attempt.js';
import { Cancellation } from '../../lib/waiting/cancellation.js';
import {
  type PermitRequest,
  RateLimiter,
  type RequestEnd,
  type RequestPermit,
} from '../../lib/quota/rate-limiter.js';
import { type CallPlan, FAN_OUT_CHUNK } from '../../lib/retry/call-policy.js';
import { RetryBudget } from '../../lib/retry/retry-budget.js';
import { SHUTDOWN } from '../../lib/retry/call-error.js';
import { SendCall } from '../../lib/retry/send-call.js';
import { rejectionOf } from '../support/rejection.js';
import {
  networkError,
  CREDENTIALS,
  LIMITS,
  refused,
  REQUEST_ID,
  result,
  type ScriptedAttempt,
  REQUEST,
  ScriptedCalls,
} from '../support/scripted-calls.js';
import { VirtualTime } from '../support/virtual-time.js';

const INFO: RtcCallInfo = {
  module: 'default',
  id: 1,
  action: 'BatchSendRoomUnicast',
  startedAt: '2026-01-02T03:04:05.000Z',
};
const HOUR = 3_600_000;
const ONE: PermitRequest = { priority: 'single', permits: 1, recipients: 1, withinMs: 60_000 };

function start(calls: ScriptedCalls, limits: Partial<CallPlan> = {}) {
  const attempts: Attempt[] = [];
  const stopping = new Cancellation();
  const abort = new Cancellation();
  const plan = { ...LIMITS, stop: stopping, ...limits };
  const call = new SendCall(calls.context, INFO, REQUEST, plan, abort, attempts);
  const sent = call.run().then(({ requestId }) => requestId);
  return { attempts, abort, stop: () => stopping.cancel(), sent };
}
const errorOf = (calls: ScriptedCalls, limits: Partial<CallPlan> = {}): Promise<RtcMessagingError> =>
  rejectionOf<RtcMessagingError>(start(calls, limits).sent);

/** A clock that stands still until a test moves it. */
function frozenClock() {
  let ms = performance.now();
  const now = jest.spyOn(performance, 'now').mockImplementation(() => ms);
  return {
    pass: (byMs: number): void => {
      ms += byMs;
    },
    restore: (): void => now.mockRestore(),
  };
}

/** The events of retries and waits, in a line each. */
const emitted = (calls: ScriptedCalls): string[] =>
  calls.events.flatMap((event) => {
    if (event.type === 'retry') return [`retry ${event.number}: ${event.reason}`];
    return event.type === 'wait' ? [`wait: ${event.reason}`] : [];
  });
const dateIn = (ms: number): string => new Date(Date.parse('2026-01-02T03:04:05Z') + ms).toUTCString();
const clockRefusal = (offsetMs: number, signedOffsetMs = 0) =>
  refused(
    'InvalidTimestamp',
    400,
    { date: dateIn(offsetMs) },
    { signedWith: { credentials: CREDENTIALS, clockOffsetMs: signedOffsetMs } },
  );

describe('a call', () => {
  it('that is accepted returns the request ID, and earns a fifth of a retry', async () => {
    const budget = new RetryBudget(() => 0);
    while (budget.take());
    for (let calls = 0; calls < 5; calls++)
      expect(await start(new ScriptedCalls([], budget)).sent).toBe(REQUEST_ID);
    expect([budget.take(), budget.take()]).toEqual([true, false]);
  });

  it('that fails earns no retry', async () => {
    const budget = new RetryBudget(() => 0);
    while (budget.take());
    for (let calls = 0; calls < 10; calls++)
      await errorOf(new ScriptedCalls([refused('AccessDenied', 403)], budget));
    expect(budget.take()).toBe(false);
  });

  it('waits for credentials within the time of an attempt, and can be aborted meanwhile', async () => {
    const calls = new ScriptedCalls([]);
    calls.credentials = () => new Promise<never>(() => undefined);
    const hanging = { timeoutMs: 20, maxAttempts: 1 };
    expect(await rejectionOf(start(calls, hanging).sent)).toMatchObject({
      code: 'RTC_TIMEOUT',
      attempts: [{ phase: 'queued', failure: 'TIMEOUT' }],
    });
    const { abort, sent } = start(calls);
    abort.cancel();
    expect(await rejectionOf(sent)).toMatchObject({
      code: 'RTC_ABORTED',
      attempts: [{ phase: 'queued', failure: 'ABORTED' }],
    });
  });

  it('waits for credentials that come later, and signs with the newest', async () => {
    const calls = new ScriptedCalls([]);
    const [first, renewed] = [CREDENTIALS, redactCredentials({ ...CREDENTIALS.open(), accessKeyId: 'new' })];
    calls.credentials = () => Promise.resolve(first);
    await start(calls).sent;
    const beforeSend = (): Promise<boolean> => {
      calls.credentials = () => Promise.resolve(renewed);
      return Promise.resolve(true);
    };
    await start(calls, { beforeSend }).sent;
    expect(calls.made.map(({ credentials }) => credentials)).toEqual([first, renewed]);
  });

  it.each([
    [new TypeError('a secret'), 'REQUEST_FAILED (TypeError)'],
    [
      Object.assign(new Error('a-secret'), { code: 'a-secret: 1', name: 'a secret' }),
      'REQUEST_FAILED (object)',
    ],
    ['a-secret', 'REQUEST_FAILED (string)'],
  ])('shows nothing of what a source of credentials throws: %p', async (thrown, failure) => {
    const calls = new ScriptedCalls([]);
    calls.credentials = () => Promise.reject(thrown as Error);
    const error = await rejectionOf<RtcMessagingError>(start(calls).sent);
    expect(error).toMatchObject({ outcome: 'not_attempted', attempts: [{ failure }] });
    expect(JSON.stringify(error)).not.toMatch(/a.secret/);
  });

  it('asks beforeSend before each attempt, and does not count its time for chunks', async () => {
    const calls = new ScriptedCalls([networkError('ECONNREFUSED', 'connecting')]);
    const madeBefore: number[] = [];
    let callbackTookMs = 0;
    const realNow = performance.now.bind(performance);
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => realNow() + callbackTookMs);
    const beforeSend = (): Promise<boolean> => {
      madeBefore.push(calls.made.length);
      return Promise.resolve().then(() => {
        callbackTookMs += 10_000;
        return true;
      });
    };
    try {
      expect(await start(calls, { policy: FAN_OUT_CHUNK, beforeSend, deadlineMs: 4_000 }).sent).toBe(
        REQUEST_ID,
      );
    } finally {
      clock.mockRestore();
    }
    expect(madeBefore).toEqual([0, 1]);
    for (const { timeoutMs } of calls.made) {
      expect(timeoutMs).toBeGreaterThan(1);
      expect(timeoutMs).toBeLessThanOrEqual(4_000);
    }
  });

  it.each<[string, () => Promise<boolean>]>([
    ['is refused', () => Promise.resolve(false)],
    ['can not be asked for', () => Promise.reject(new Error('a secret'))],
  ])('sends nothing when beforeSend %s', async (_what, beforeSend) => {
    const calls = new ScriptedCalls([]);
    const error = await errorOf(calls, { beforeSend });
    expect(error).toMatchObject({ code: 'RTC_ABORTED', outcome: 'not_attempted' });
    expect(error.message).toContain('before it was sent');
    expect(error.message).not.toContain('a secret');
    expect(calls.made).toEqual([]);
  });

  it('does not wait for beforeSend once it is stopped', async () => {
    const calls = new ScriptedCalls([]);
    let asked: (() => void) | undefined;
    const asking = new Promise<void>((resolve) => (asked = resolve));
    const { stop, sent } = start(calls, {
      beforeSend: () => {
        asked?.();
        return new Promise<boolean>(() => undefined);
      },
    });
    await asking;
    stop();
    expect(await rejectionOf<RtcMessagingError>(sent)).toMatchObject({ outcome: 'not_attempted' });
    expect(calls.made).toEqual([]);
  });

  it('gives each attempt its timeout, and no more than the call has left', async () => {
    const calls = new ScriptedCalls([]);
    await start(calls).sent;
    expect(calls.made[0]).toMatchObject({ timeoutMs: 5_000, clockOffsetMs: 0 });
    const short = new ScriptedCalls([]);
    await start(short, { deadlineMs: 3_000 }).sent;
    expect(short.made[0]!.timeoutMs).toBeGreaterThan(1_000);
    expect(short.made[0]!.timeoutMs).toBeLessThanOrEqual(3_000);
  });

  it.each([
    [{}, 'timeoutMs of 5000 ms'],
    [{ deadlineMs: 4_000 }, 'deadlineMs of 4000 ms'],
  ])('with %j names the exceeded limit', async (limits, name) => {
    const timeout = result({ kind: 'interrupted', by: 'timeout' }, 'sent');
    const error = await errorOf(new ScriptedCalls([timeout]), limits);
    expect(error.message).toBe(
      `BatchSendRoomUnicast exceeded ${name} in phase "sent"; the message may have been accepted.`,
    );
    expect(error).toMatchObject({ code: 'RTC_TIMEOUT', outcome: 'unknown' });
  });

  it('emits an event for each attempt, wait and retry', async () => {
    const calls = new ScriptedCalls([
      networkError('ECONNREFUSED', 'connecting'),
      refused('FailToConnect', 502),
    ]);
    const { attempts, sent } = start(calls);
    await sent;
    expect(attempts.map(({ outcome, failure }) => [outcome, failure])).toEqual([
      ['not_attempted', 'ECONNREFUSED'],
      ['rejected', 'FailToConnect'],
      ['accepted', undefined],
    ]);
    expect(calls.events.map(({ type }) => type)).toEqual([
      'attempt',
      'wait',
      'retry',
      'attempt',
      'wait',
      'retry',
      'attempt',
    ]);
    expect(emitted(calls)).toEqual([
      'wait: backoff',
      'retry 2: not_attempted',
      'wait: backoff',
      'retry 3: rejected',
    ]);
    const numbers = calls.events.flatMap((event) => (event.type === 'attempt' ? [event.number] : []));
    expect(numbers).toEqual([1, 2, 3]);
  });

  it('gives each permit back once, with how its attempt ended', async () => {
    const calls = new ScriptedCalls([
      networkError('ECONNREFUSED', 'connecting'),
      refused('FailToConnect', 502),
    ]);
    await start(calls).sent;
    expect(calls.ends).toEqual(['unused', 'unanswered', 'accepted']);
  });

  it('gives its permit back as unused when beforeSend refuses, and as unanswered when an unexpected error is thrown', async () => {
    const stopped = new ScriptedCalls([]);
    await errorOf(stopped, { beforeSend: () => Promise.resolve(false) });
    expect(stopped.ends).toEqual(['unused']);
    const surprised = new ScriptedCalls([() => Promise.reject(new TypeError('a bug'))]);
    expect(await rejectionOf(start(surprised).sent)).toBeInstanceOf(TypeError);
    expect(surprised.ends).toEqual(['unanswered']);
  });

  it('asks for permits with its room, its priority and its time left', async () => {
    const calls = new ScriptedCalls([]);
    await start(calls, { policy: FAN_OUT_CHUNK, roomId: 'room-1' }).sent;
    expect(calls.asked).toMatchObject([{ priority: 'bulk', permits: 1, recipients: 1, roomId: 'room-1' }]);
    expect(calls.asked[0]!.withinMs).toBeLessThanOrEqual(15_000);
  });

  it.each<[string, ScriptedAttempt, RequestEnd]>([
    ['a socket that did not come', networkError('ETIMEDOUT', 'queued'), 'unused'],
    ['a reset', networkError('ECONNRESET', 'sent'), 'unanswered'],
    ['a time-out', result({ kind: 'interrupted', by: 'timeout' }, 'sent'), 'unanswered'],
    ['an answer without its end', result({ kind: 'interrupted', by: 'timeout' }, 'headers'), 'unanswered'],
    ['a refusal', refused('AccessDenied', 403), 'answered'],
    ['throttling', refused('FlowLimitExceeded', 429, { retryAfter: '20' }), { throttledMs: 20_000 }],
    ['a gateway without its service', refused('InternalServiceTimeout', 504), 'unanswered'],
    ['an error of the service', refused('InternalError', 500), 'answered'],
  ])('after %s gives its permit back as that proves', async (_what, attempt, end) => {
    const calls = new ScriptedCalls([attempt]);
    await errorOf(calls, { maxAttempts: 1 });
    expect(calls.ends).toEqual([end]);
  });
});

describe('a call that fails', () => {
  const refusals = (count: number) =>
    Array.from({ length: count }, () => networkError('ECONNREFUSED', 'connecting'));

  it('has as many attempts as maxAttempts', async () => {
    const calls = new ScriptedCalls(refusals(5));
    const error = await errorOf(calls, { maxAttempts: 3 });
    expect(error.message).toBe(
      'BatchSendRoomUnicast failed with ECONNREFUSED in phase "connecting" at attempt 3; nothing was sent.',
    );
    expect(error.attempts).toHaveLength(3);
    expect(calls.script).toHaveLength(2);
  });

  it('that is a chunk of a fan-out is retried until its deadline, whatever the retry budget', async () => {
    const budget = new RetryBudget(() => 0);
    while (budget.take());
    const calls = new ScriptedCalls(refusals(20), budget);
    const { attempts, sent } = start(calls, { policy: FAN_OUT_CHUNK, maxAttempts: 2 });
    await sent;
    expect(attempts).toHaveLength(21);
  });

  it('spends a retry of the budget, and is reported at once when there is none', async () => {
    const budget = new RetryBudget(() => 0);
    for (let left = 100; left > 1; left--) budget.take();
    expect((await errorOf(new ScriptedCalls(refusals(5), budget))).attempts).toHaveLength(2);
    expect((await errorOf(new ScriptedCalls(refusals(5), budget))).attempts).toHaveLength(1);
  });

  it('is reported at once when a retry could not begin in time', async () => {
    const patient = refused('FlowLimitExceeded', 429, { retryAfter: '20' });
    const calls = new ScriptedCalls([patient]);
    const error = await errorOf(calls);
    expect(error).toMatchObject({
      code: 'RTC_API',
      outcome: 'rejected',
      apiCode: 'FlowLimitExceeded',
      retryAfterMs: 20_000,
    });
    expect(calls.made).toHaveLength(1);
    expect(emitted(calls)).toEqual([]);
  });

  it.each<[string, number, ('refused' | 'unconnected')[], number[]]>([
    // [what, deadlineMs, how attempts end, how long they take]
    ['twice as long as the one before', 999, ['refused'], [334]],
    ['twice as long as the longest before', 999, ['refused', 'unconnected'], [300, 100]],
    ['a tenth of a second longer', 150, ['refused'], [30]],
  ])('begins no attempt that has no time to take %s', async (_what, deadlineMs, kinds, durations) => {
    const clock = frozenClock();
    const calls = new ScriptedCalls(
      durations.map((durationMs, index) => () => {
        clock.pass(durationMs);
        const end =
          kinds[index] === 'refused' ? refused('FailToConnect', 502) : networkError('EPIPE', 'connecting');
        return { ...end, durationMs };
      }),
    );
    try {
      const error = await errorOf(calls, { deadlineMs, maxAttempts: 10 });
      expect(error.outcome).toBe('rejected');
      expect(calls.made).toHaveLength(durations.length);
      expect(emitted(calls).filter((line) => line.startsWith('retry'))).toHaveLength(durations.length - 1);
    } finally {
      clock.restore();
    }
  });

  it('begins another attempt where that has all the time that one may take', async () => {
    const clock = frozenClock();
    const late = () => {
      clock.pass(5_000);
      return { ...result({ kind: 'interrupted', by: 'timeout' }, 'connecting'), durationMs: 5_000 };
    };
    try {
      const calls = new ScriptedCalls([late]);
      await start(calls, { deadlineMs: 10_001 }).sent;
      expect(calls.made).toHaveLength(2);
    } finally {
      clock.restore();
    }
  });

  it('has in retryAfterMs when the quota has room again, where that is after its deadline', async () => {
    const calls = new ScriptedCalls([refused('FlowLimitExceeded', 429)]);
    calls.limiter = new RateLimiter({ limit: 1, maxQueue: 10 });
    const error = (await errorOf(calls, { deadlineMs: 800 })) as RtcApiError;
    expect(error).toMatchObject({ code: 'RTC_API', outcome: 'rejected' });
    expect(error.retryAfterMs).toBeGreaterThan(900);
  });

  it('waits as long as Retry-After asks, and makes the limiter wait too', async () => {
    const calls = new ScriptedCalls([refused('FlowLimitExceeded', 429, { retryAfter: '7' })]);
    const { attempts, stop, sent } = start(calls);
    while (emitted(calls).length === 0) await new Promise(setImmediate);
    stop();
    await rejectionOf(sent);
    expect(attempts.map(({ throttled }) => throttled)).toEqual([true]);
    expect(calls.ends).toEqual([{ throttledMs: 7_000 }]);
    expect(calls.events.at(-1)).toEqual({ type: 'wait', call: INFO, reason: 'retry_after', delayMs: 7_000 });
  });

  it('waits for the longer backoff after throttling', async () => {
    const calls = new ScriptedCalls([refused('FlowLimitExceeded', 429)], undefined, () => 0.05);
    await start(calls, { maxAttempts: 2, deadlineMs: 60_000 }).sent;
    expect(calls.ends).toEqual([{ throttledMs: 0 }, 'accepted']);
    expect(emitted(calls)).toEqual(['wait: throttled', 'retry 2: throttled', 'wait: quota']);
    expect(calls.events.find((event) => event.type === 'wait')!.delayMs).toBe(50);
  });

  it('that is a throttled chunk of a fan-out is not retried, unless it may have been accepted', async () => {
    const calls = new ScriptedCalls([refused('FlowLimitExceeded', 429)]);
    const error = await errorOf(calls, { policy: FAN_OUT_CHUNK });
    expect(error).toMatchObject({ code: 'RTC_API', outcome: 'rejected' });
    expect(error.attempts).toMatchObject([{ throttled: true }]);
    // Not if it may have been accepted: who sent it then is to learn that.
    const twice = new ScriptedCalls([networkError('ECONNRESET', 'sent'), refused('FlowLimitExceeded', 429)]);
    const { attempts, sent } = start(twice, { policy: FAN_OUT_CHUNK, onUnknown: 'resend' });
    await sent;
    expect(attempts.map(({ outcome }) => outcome)).toEqual(['unknown', 'rejected', 'accepted']);
  });

  it('backs off further each time', async () => {
    const calls = new ScriptedCalls(refusals(2), undefined, () => 0.05);
    await start(calls).sent;
    expect(calls.events.flatMap((event) => (event.type === 'wait' ? [event.delayMs] : []))).toEqual([10, 20]);
  });

  it.each(['report', 'resend'] as const)(
    'after an unknown outcome follows onUnknown: %s',
    async (onUnknown) => {
      const calls = new ScriptedCalls([
        networkError('ECONNRESET', 'sent'),
        networkError('ECONNRESET', 'sent'),
      ]);
      const { attempts, sent } = start(calls, { onUnknown, maxAttempts: 2, policy: FAN_OUT_CHUNK });
      const error = await rejectionOf<RtcMessagingError>(sent);
      expect(attempts).toHaveLength(onUnknown === 'report' ? 1 : 2);
      expect(error).toMatchObject({ outcome: 'unknown', possibleDuplicate: onUnknown === 'resend' });
      expect(emitted(calls)).toEqual(onUnknown === 'report' ? [] : ['wait: backoff', 'retry 2: resend']);
    },
  );
});

describe('a call that is refused for good', () => {
  it('is not retried, whatever Date the refusal has', async () => {
    const calls = new ScriptedCalls([refused('AccessDenied', 403, { date: dateIn(HOUR) })]);
    expect((await errorOf(calls)).attempts).toHaveLength(1);
  });
});

describe('a call that is refused for its clock', () => {
  it('retries with the Date of the refusal, and shares the clock skew when that is accepted', async () => {
    const calls = new ScriptedCalls([clockRefusal(HOUR)]);
    await start(calls, { maxAttempts: 1 }).sent;
    expect(calls.made.map(({ clockOffsetMs }) => clockOffsetMs)).toEqual([0, HOUR + 500]);
    expect(calls.clock.offsetMs).toBe(HOUR + 500);
    expect(emitted(calls)).toEqual(['retry 2: clock_corrected']);
    expect(calls.events.filter(({ type }) => type === 'clock')).toEqual([
      { type: 'clock', module: 'default', offsetMs: HOUR + 500 },
    ]);
  });

  it('does not share a clock skew that is refused too, and believes no other for a while', async () => {
    const calls = new ScriptedCalls([clockRefusal(HOUR), clockRefusal(2 * HOUR, HOUR + 500)]);
    const error = await errorOf(calls);
    expect(error).toMatchObject({ outcome: 'rejected', apiCode: 'InvalidTimestamp' });
    expect(error.attempts).toHaveLength(2);
    expect(calls.clock.offsetMs).toBe(0);
    expect(calls.clock.propose(0, dateIn(HOUR))).toBeUndefined();
  });

  it('does not take a refusal of another kind for proof of the clock skew', async () => {
    const calls = new ScriptedCalls([clockRefusal(HOUR), refused('AccessDenied', 403)]);
    expect(await errorOf(calls)).toMatchObject({ apiCode: 'AccessDenied' });
    expect(calls.clock.offsetMs).toBe(0);
    expect(calls.events.some(({ type }) => type === 'clock')).toBe(false);
  });

  it('takes over the clock skew that another call has found meanwhile, and retries once more', async () => {
    const calls = new ScriptedCalls([
      () => {
        calls.clock.confirm(HOUR);
        // Without a Date.
        return refused('InvalidTimestamp');
      },
      clockRefusal(3 * HOUR, HOUR),
      clockRefusal(3 * HOUR, 3 * HOUR + 500),
    ]);
    const error = await errorOf(calls);
    expect(calls.made.map(({ clockOffsetMs }) => clockOffsetMs)).toEqual([0, HOUR, 3 * HOUR + 500]);
    expect(error.attempts).toHaveLength(3);
  });

  it('gives up when the clock skew keeps changing', async () => {
    let offset = 0;
    const moved = () => {
      const signed = offset;
      offset += HOUR;
      calls.clock.confirm(offset);
      return clockRefusal(offset, signed);
    };
    const calls = new ScriptedCalls([moved, moved, moved, moved]);
    expect((await errorOf(calls)).attempts).toHaveLength(3);
  });

  it('gives up when the refusal has no Date, or one that changes nothing', async () => {
    expect((await errorOf(new ScriptedCalls([refused('InvalidTimestamp')]))).attempts).toHaveLength(1);
    expect((await errorOf(new ScriptedCalls([clockRefusal(20_000)]))).attempts).toHaveLength(1);
    const unsigned = { ...clockRefusal(HOUR), signedWith: undefined };
    expect((await errorOf(new ScriptedCalls([unsigned]))).attempts).toHaveLength(1);
  });
});

describe('a call whose access key is refused', () => {
  it('is signed with other credentials, once', async () => {
    const calls = new ScriptedCalls([refused('InvalidAccessKey', 401), refused('InvalidAccessKey', 401)]);
    const given: unknown[] = [];
    calls.replace = (credentials) => {
      given.push(credentials);
      return Promise.resolve(true);
    };
    const error = await errorOf(calls);
    expect(error.attempts).toHaveLength(2);
    expect(given).toEqual([CREDENTIALS]);
    expect(emitted(calls)).toEqual(['retry 2: credentials_refreshed']);
    expect(error.hint).toBe('Check credentials.accessKeyId (VOLCENGINE_ACCESS_KEY).');
  });

  it('is reported when there are no other credentials', async () => {
    expect((await errorOf(new ScriptedCalls([refused('InvalidAccessKey', 401)]))).attempts).toHaveLength(1);
    const calls = new ScriptedCalls([{ ...refused('InvalidAccessKey', 401), signedWith: undefined }]);
    calls.replace = () => Promise.resolve(true);
    const error = await errorOf(calls);
    expect([error.code, error.attempts.length]).toEqual(['RTC_API', 1]);
  });

  it('waits for new credentials', async () => {
    const calls = new ScriptedCalls([refused('InvalidAccessKey', 401)]);
    calls.replace = () => new Promise((resolve) => setTimeout(() => resolve(true), 20));
    expect(await start(calls).sent).toBe(REQUEST_ID);
  });

  it('waits for new credentials no longer than its deadline', async () => {
    const calls = new ScriptedCalls([refused('InvalidAccessKey', 401)]);
    calls.replace = () => new Promise(() => undefined);
    expect(await errorOf(calls, { deadlineMs: 30 })).toMatchObject({
      code: 'RTC_API',
      apiCode: 'InvalidAccessKey',
    });
  });

  it('can be aborted while it waits for new credentials', async () => {
    const calls = new ScriptedCalls([refused('InvalidAccessKey', 401)]);
    let asked = (): void => undefined;
    const asking = new Promise<void>((resolve) => (asked = resolve));
    calls.replace = () => {
      asked();
      return new Promise(() => undefined);
    };
    const { stop, sent } = start(calls);
    await asking;
    stop();
    const error = await rejectionOf<RtcMessagingError>(sent);
    expect(error.message).toBe(
      'BatchSendRoomUnicast was aborted while credentials were renewed; the message was not accepted.',
    );
    expect(error).toMatchObject({ code: 'RTC_ABORTED', outcome: 'rejected' });
  });

  it('is not sent without credentials', async () => {
    const calls = new ScriptedCalls([]);
    const problem = { option: 'credentials', message: 'the provider failed' };
    calls.credentials = () => Promise.reject(new RtcConfigError([problem]));
    const error = await errorOf(calls);
    expect(error).toMatchObject({ code: 'RTC_CONFIG', outcome: 'not_attempted', problems: [problem] });
    expect(error.attempts).toMatchObject([{ failure: 'NO_CREDENTIALS', phase: 'queued' }]);
    expect(calls.made).toEqual([]);
  });
});

describe('a call that is ended', () => {
  it('before its first attempt sends nothing', async () => {
    const calls = new ScriptedCalls([]);
    const { stop, sent } = start(calls);
    stop();
    const error = await rejectionOf<RtcMessagingError>(sent);
    expect(error.message).toBe('BatchSendRoomUnicast was aborted while waiting to send; nothing was sent.');
    expect(calls.made).toEqual([]);
  });

  it('by a shutdown names the shutdown in its error', async () => {
    const calls = new ScriptedCalls([]);
    const { abort, sent } = start(calls);
    calls.script.push(() => {
      abort.cancel(SHUTDOWN);
      return result({ kind: 'interrupted', by: 'aborted' }, 'sent');
    });
    const error = await rejectionOf<RtcMessagingError>(sent);
    expect(error.message).toBe(
      'BatchSendRoomUnicast was aborted by the shutdown of the app in phase "sent"; the message may have been accepted.',
    );
  });

  it('while it waits for a retry sends nothing more', async () => {
    const calls = new ScriptedCalls([refused('FlowLimitExceeded', 429, { retryAfter: '10' })]);
    const { stop, sent } = start(calls);
    while (!calls.events.some(({ type }) => type === 'wait')) await new Promise(setImmediate);
    stop();
    const error = await rejectionOf<RtcMessagingError>(sent);
    expect(error.message).toBe(
      'BatchSendRoomUnicast was aborted while waiting to send again; the message was not accepted.',
    );
    expect(error).toMatchObject({ requestId: `${REQUEST_ID}-FlowLimitExceeded` });
    expect(calls.made).toHaveLength(1);
  });
});

describe("a call in the quota's queue", () => {
  /** A limiter that has let one request go, and then lets none go for a while. */
  const busyLimiter = (limit = 1): RateLimiter => {
    const limiter = new RateLimiter({ limit, maxQueue: 10 });
    limiter.enter(ONE);
    return limiter;
  };

  it('is refused at once if there is no time, and keeps the outcome of earlier attempts', async () => {
    const calls = new ScriptedCalls([refused('FailToConnect', 502)]);
    expect(
      await errorOf(Object.assign(new ScriptedCalls([]), { limiter: busyLimiter() }), { deadlineMs: 500 }),
    ).toMatchObject({
      code: 'RTC_QUOTA',
      attempts: [],
    });
    calls.script[0] = () => {
      calls.limiter = busyLimiter();
      return refused('FailToConnect', 502);
    };
    expect(await errorOf(calls, { deadlineMs: 500 })).toMatchObject({
      code: 'RTC_API',
      outcome: 'rejected',
      apiCode: 'FailToConnect',
    });
  });

  it('waits and emits the wait, which does not count for a chunk of a fan-out', async () => {
    const limiter = busyLimiter(4);
    const calls = Object.assign(new ScriptedCalls([]), { limiter });
    await start(calls, { policy: FAN_OUT_CHUNK, deadlineMs: 200 }).sent;
    expect(emitted(calls)).toEqual(['wait: quota']);
    const wait = calls.events.find((event) => event.type === 'wait');
    expect(wait!.delayMs).toBeGreaterThanOrEqual(240);
    expect(Number.isInteger(wait!.delayMs)).toBe(true);
    // It would be the shortest that there is if the wait counted.
    expect(calls.made[0]!.timeoutMs).toBeGreaterThan(1);
  });

  it('has the wait count against the deadline of a single send', async () => {
    const takenAt = performance.now();
    const limiter = busyLimiter(10);
    const calls = Object.assign(new ScriptedCalls([]), { limiter });
    // It waits from now on, for less if this process stood still meanwhile.
    const spentMs = performance.now() - takenAt;
    await start(calls, { deadlineMs: 4_000 }).sent;
    const wait = calls.events.find((event) => event.type === 'wait');
    expect(wait!.delayMs + spentMs).toBeGreaterThanOrEqual(75);
    expect(wait!.delayMs).toBeLessThan(4_000);
    expect(calls.made[0]!.timeoutMs).toBeLessThanOrEqual(4_000 - 75 + spentMs);
  });

  it('does not wait for a permit after which an attempt has no time to end', async () => {
    const time = new VirtualTime();
    const limiter = new RateLimiter({ limit: 10, maxQueue: 10, time });
    const first = limiter.enter(ONE) as RequestPermit;
    time.ms += 4_800;
    first.giveBack('accepted');
    expect(limiter.roundTripMs).toBe(300);
    limiter.enter(ONE);
    // The next turn is in 100 ms.
    const calls = Object.assign(new ScriptedCalls([]), { limiter });
    const error = await errorOf(calls, { deadlineMs: 370 });
    expect(error).toMatchObject({ code: 'RTC_QUOTA', outcome: 'not_attempted' });
    expect(calls.made).toEqual([]);
  });

  it('gives up its place when it is ended', async () => {
    const limiter = busyLimiter();
    const calls = Object.assign(new ScriptedCalls([]), { limiter });
    const { stop, sent } = start(calls);
    while (limiter.usage.queued === 0) await new Promise(setImmediate);
    stop();
    const error = await rejectionOf<RtcMessagingError>(sent);
    expect(error.message).toBe(
      'BatchSendRoomUnicast was aborted while waiting for the quota; nothing was sent.',
    );
    expect(limiter.usage.queued).toBe(0);
  });

  it('gives up its place at its deadline', async () => {
    const limiter = new RateLimiter({ limit: 10, maxQueue: 10 });
    const held = limiter.enter(ONE) as RequestPermit;
    // It is estimated to come in time, and then everything is held up.
    const calls = Object.assign(new ScriptedCalls([]), { limiter });
    const { sent } = start(calls, { deadlineMs: 300 });
    while (limiter.usage.queued === 0) await new Promise(setImmediate);
    held.giveBack({ throttledMs: 5_000 });
    const error = await rejectionOf<RtcMessagingError>(sent);
    expect(error).toMatchObject({ code: 'RTC_TIMEOUT', outcome: 'not_attempted' });
    expect(error.message).toBe(
      'BatchSendRoomUnicast exceeded deadlineMs of 300 ms while waiting for the quota; nothing was sent.',
    );
    expect(limiter.usage.queued).toBe(0);
  });
});
