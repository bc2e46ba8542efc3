import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { RtcEvent } from '../../lib/diagnostics/rtc-event.js';
import type { Attempt, FailureOutcome } from '../../lib/errors/attempt.js';
import { idProblem } from '../../lib/dto/field-rules.js';
import { RtcAbortedError } from '../../lib/errors/rtc-aborted.error.js';
import { RtcApiError } from '../../lib/errors/rtc-api.error.js';
import { RtcConfigError } from '../../lib/errors/rtc-config.error.js';
import { RtcMessagingError } from '../../lib/errors/rtc-messaging.error.js';
import { RtcNetworkError } from '../../lib/errors/rtc-network.error.js';
import { RtcQuotaError } from '../../lib/errors/rtc-quota.error.js';
import { RtcTimeoutError } from '../../lib/errors/rtc-timeout.error.js';
import { type ChunkRetryDecision, decideChunk } from '../../lib/retry/retry-decision.js';
import { ChunkSender, type SendRequest } from '../../lib/fan-out/chunk-sender.js';
import { FAN_OUT_OPTIONS } from '../../lib/fan-out/fan-out-request.js';
import { defaultChunkSize, estimateFanOut } from '../../lib/fan-out/estimate-fan-out.js';
import type { ChunkOutcome, FanOutProgress } from '../../lib/fan-out/fan-out-report.js';
import { FanOutRun, type FanOutPlan } from '../../lib/fan-out/fan-out-run.js';
import { FanOutTally } from '../../lib/fan-out/fan-out-tally.js';
import { ProgressMeter } from '../../lib/fan-out/progress-meter.js';
import { checkCallOptions } from '../../lib/options/check-call-options.js';
import type { QuotaSettings } from '../../lib/quota/limiter-registry.js';
import { RecipientChunks, type Dedupe } from '../../lib/fan-out/recipient-chunks.js';
import { validateFanOutRequest } from '../../lib/fan-out/validate-fan-out-request.js';
import { RtcValidationError } from '../../lib/errors/rtc-validation.error.js';
import '../support/properties.js';

const checkFanOutOptions = (options: unknown) => checkCallOptions(FAN_OUT_OPTIONS, options);
const users = (count: number): string[] => Array.from({ length: count }, (_none, index) => `u${index}`);
const attempt = (outcome: Attempt['outcome'], more: Partial<Attempt> = {}): Attempt => ({
  outcome,
  phase: 'done',
  startedAt: '2026-01-01T00:00:00.000Z',
  durationMs: 1,
  ...more,
});
const ACCEPTED = { requestId: 'r-1', attempts: [attempt('accepted')], possibleDuplicate: false };

const api = (
  apiCode: string,
  outcome: FailureOutcome = 'rejected',
  more: Partial<Attempt> = {},
): RtcApiError =>
  new RtcApiError(apiCode, {
    outcome,
    httpStatus: 400,
    apiCode,
    requestId: `r-${apiCode}`,
    attempts: outcome === 'not_attempted' ? [] : [attempt(outcome, more)],
  });
const network = (outcome: FailureOutcome): RtcNetworkError =>
  new RtcNetworkError('lost', { outcome, phase: 'connecting', attempts: [attempt(outcome)] });

const failing =
  (error: Error): SendRequest =>
  async () => {
    throw error;
  };

function start(
  source: Iterable<unknown> | AsyncIterable<unknown>,
  send: SendRequest,
  plan: Partial<FanOutPlan> & {
    chunkSize?: number;
    chunkDeadlineMs?: number;
    dedupe?: Dedupe;
    /** As the limiter has them. */
    largest?: () => number;
    inFlight?: () => number;
  } = {},
) {
  const events: RtcEvent[] = [];
  const shutdown = new AbortController();
  const chunkSize = plan.chunkSize ?? 10;
  const host = {
    module: 'default',
    closing: shutdown.signal,
    emit: (event: RtcEvent) => void events.push(event),
    get chunkSize() {
      return plan.largest?.() ?? Number.POSITIVE_INFINITY;
    },
    get concurrency() {
      return plan.inFlight?.() ?? 48;
    },
  };
  const run = new FanOutRun(
    new RecipientChunks(source, chunkSize, plan.dedupe ?? 'chunk'),
    new ChunkSender(send, host, chunkSize, plan.chunkDeadlineMs ?? 60_000),
    { concurrency: 3, keepChunks: false, keepRecipients: true, ...plan },
    host,
  );
  return { events, shutdown, report: run.run() };
}

describe('the retry decision on a failed chunk', () => {
  it.each<[string, RtcMessagingError, number, ChunkRetryDecision]>([
    ['no credentials', new RtcConfigError([]), 5, 'refused'],
    ['a service that can not be reached', network('not_attempted'), 5, 'unreachable'],
    [
      'no answer in time, nor a connection',
      new RtcTimeoutError('late', { outcome: 'not_attempted' }),
      5,
      'unreachable',
    ],
    ['no answer in time', new RtcTimeoutError('late', { outcome: 'unknown' }), 5, 'go_on'],
    ['a reset', network('unknown'), 5, 'go_on'],
    ['an abort', new RtcAbortedError('aborted', { outcome: 'not_attempted' }), 5, 'go_on'],
    ['no quota', new RtcQuotaError('away', { retryAfterMs: 1 }), 5, 'quota'],
    ['an illegal user among several', api('InvalidParameter.IllegalTo'), 2, 'split'],
    ['an illegal user', api('InvalidParameter.IllegalTo'), 1, 'go_on'],
    [
      'an illegal user, after what may have been accepted',
      api('InvalidParameter.IllegalTo', 'unknown'),
      5,
      'go_on',
    ],
    ['too many users', api('InvalidParameter.UserCountOverLimit'), 2, 'shrink'],
    ['too many, of one', api('InvalidParameter.UserCountOverLimit'), 1, 'go_on'],
    ['the quota', api('FlowLimitExceeded', 'rejected', { throttled: true }), 5, 'again'],
    ['the quota, after what may have been accepted', api('FlowLimitExceeded', 'unknown'), 5, 'go_on'],
    [
      'a queue in which it has become too large',
      new RtcQuotaError('', { retryAfterMs: 0, chunkSize: 2 }),
      5,
      'again',
    ],
    ['a gateway', api('FailToConnect'), 5, 'go_on'],
    ['any other refusal', api('AccessDenied'), 5, 'refused'],
    ['an answer that proves nothing', api('InternalError', 'unknown'), 5, 'go_on'],
  ])('is right after %s', (_what, error, recipients, decision) => {
    expect(decideChunk(error, recipients)).toBe(decision);
  });

  it.each([
    'InvalidParameter',
    'InvalidParameter.IllegalRoomID',
    'InvalidParameter.SizeOverLimit',
    'MissingParameter',
    'RoomNotExist',
    'UserNotInRoom',
    'NotFound.Room',
    'UnreadableResponse',
    'constructor',
    'FailToConnect',
  ])('leaves the others of many messages to be sent after %s', (code) => {
    expect(decideChunk(api(code), 1, false)).toBe('go_on');
  });

  it.each([
    'AccessDenied',
    'AccessDenied.NoPermissionForApp',
    'AccessDenied.ServiceNotEnabled',
    'LackPolicy',
    'InvalidAccessKey',
    'InvalidAuthorization',
    'InvalidCredential',
    'InvalidSecretToken',
    'MissingSignature',
    'SignatureDoesNotMatch',
    'InvalidTimestamp',
    'ServiceNotFound',
    'InvalidActionOrVersion',
    'InvalidParameter.IllegalAppId',
    'InvalidParameter.NotExistAppId',
    'InvalidParameter.EmptyAccountId',
  ])('ends the sending of many messages after %s', (code) => {
    expect(decideChunk(api(code), 1, false)).toBe('refused');
  });
});

describe('a fan-out', () => {
  it('sends to everyone, emits that, and lists nothing', async () => {
    const sent: (readonly string[])[] = [];
    const began = performance.now();
    const { report, events } = start(users(25), async (recipients) => {
      sent.push(recipients);
      return ACCEPTED;
    });
    const { id, elapsedMs, ...rest } = await report;
    expect(elapsedMs).toBeLessThanOrEqual(Math.ceil(performance.now() - began));
    // Nothing stopped it, and the report does not speak of it.
    expect(rest).not.toHaveProperty('stop');
    expect(rest).toEqual({
      status: 'accepted',
      counts: {
        input: 25,
        duplicates: 0,
        invalid: 0,
        accepted: 25,
        rejected: 0,
        unknown: 0,
        notAttempted: 0,
      },
      chunks: [],
      invalid: [],
      unaccepted: { rejected: [], unknown: [], notAttempted: [], truncated: false },
      requests: 3,
      throttled: 0,
    });
    expect(id).toMatch(/^[\da-f]{8}-[\da-f-]{27}$/);
    expect(Number.isInteger(elapsedMs)).toBe(true);
    expect(sent.flat()).toEqual(users(25));
    const fanOut = { module: 'default', id, startedAt: expect.stringMatching(/^20\d\d-.*Z$/) };
    expect(events).toEqual([
      { type: 'fan_out_begin', fanOut },
      {
        type: 'fan_out_outcome',
        fanOut,
        status: 'accepted',
        counts: rest.counts,
        requests: 3,
        throttled: 0,
        durationMs: elapsedMs,
      },
    ]);
  });

  it('can list every chunk, with its recipients', async () => {
    const told: ChunkOutcome[] = [];
    const { report } = start(users(15), async () => ACCEPTED, {
      keepChunks: true,
      keepRecipients: false,
      onChunk: (chunk) => void told.push(chunk),
    });
    const finished = await report;
    expect(finished).not.toHaveProperty('unaccepted');
    const { chunks } = finished;
    expect(chunks).toEqual([
      {
        index: 0,
        recipients: 10,
        outcome: 'accepted',
        requestId: 'r-1',
        attempts: 1,
        possibleDuplicate: false,
      },
      {
        index: 1,
        recipients: 5,
        outcome: 'accepted',
        requestId: 'r-1',
        attempts: 1,
        possibleDuplicate: false,
      },
    ]);
    expect(told).toEqual(chunks);
  });

  it('has as many requests in flight as its concurrency, and no more', async () => {
    let underWay = 0;
    let most = 0;
    const { report } = start(users(100), async () => {
      underWay += 1;
      most = Math.max(most, underWay);
      await new Promise(setImmediate);
      underWay -= 1;
      return ACCEPTED;
    });
    await report;
    expect(most).toBe(3);
  });

  it('splits a chunk that is refused for one of its users, in order, until that one is alone', async () => {
    const sent: (readonly string[])[] = [];
    const { report } = start(
      users(8),
      async (recipients) => {
        sent.push(recipients);
        if (recipients.includes('u5')) throw api('InvalidParameter.IllegalTo');
        return ACCEPTED;
      },
      { concurrency: 1 },
    );
    const { status, counts, chunks, unaccepted, requests } = await report;
    expect(sent.map((recipients) => recipients.join())).toEqual([
      'u0,u1,u2,u3,u4,u5,u6,u7',
      'u0,u1,u2,u3',
      'u4,u5,u6,u7',
      'u4,u5',
      'u4',
      'u5',
      'u6,u7',
    ]);
    expect([status, counts.accepted, counts.rejected, requests]).toEqual(['partial', 7, 1, 7]);
    expect(unaccepted).toMatchObject({ rejected: ['u5'] });
    expect(chunks).toMatchObject([
      {
        index: 0,
        recipients: 1,
        outcome: 'rejected',
        requestId: 'r-InvalidParameter.IllegalTo',
        attempts: 1,
        error: { code: 'RTC_API' },
      },
    ]);
  });

  it('makes chunks smaller for good when they are too large', async () => {
    const sizes: number[] = [];
    const { report } = start(
      users(40),
      async ({ length }) => {
        sizes.push(length);
        if (length > 3) throw api('InvalidParameter.UserCountOverLimit');
        return ACCEPTED;
      },
      { concurrency: 1 },
    );
    expect(await report).toMatchObject({ status: 'accepted', counts: { accepted: 40 } });
    // Ten, five, three; and from then on no more than three.
    expect(sizes.filter((size) => size > 3)).toEqual([10, 5, 5]);
    expect(Math.max(...sizes.slice(6))).toBe(3);
  });

  it.each<[string, RtcMessagingError, string, string]>([
    ['that would be the same for all', api('AccessDenied'), 'refused', 'rejected'],
    ['of who can not be reached', network('not_attempted'), 'unreachable', 'notAttempted'],
  ])(
    'stops after a failure %s, and lets requests in flight finish',
    async (_what, failure, reason, outcome) => {
      let calls = 0;
      const { report, events } = start(users(1_000), async () => {
        calls += 1;
        if (calls === 5) throw failure;
        await new Promise(setImmediate);
        return ACCEPTED;
      });
      const { status, stop, counts, unaccepted, chunks } = await report;
      expect([status, stop]).toEqual(['aborted', { reason, error: failure }]);
      expect(counts.accepted).toBe((calls - 1) * 10);
      expect(counts.input).toBeLessThan(200);
      expect(counts[outcome as 'rejected']).toBeGreaterThanOrEqual(10);
      expect(unaccepted![outcome as 'rejected']).toHaveLength(counts[outcome as 'rejected']);
      expect(chunks).toMatchObject([{ error: failure }]);
      expect(events.at(-1)).toMatchObject({ type: 'fan_out_outcome', status: 'aborted', stop: reason });
    },
  );

  it('goes on after a failure of one chunk alone', async () => {
    let calls = 0;
    const { report } = start(users(50), async () => {
      calls += 1;
      if (calls === 1) throw api('FailToConnect', 'rejected');
      if (calls === 2) throw api('InternalError', 'unknown');
      return ACCEPTED;
    });
    expect(await report).toMatchObject({
      status: 'partial',
      counts: { accepted: 30, rejected: 10, unknown: 10 },
      requests: 5,
    });
  });

  it('sends a throttled chunk again, in parts of what the limiter finds accepted', async () => {
    let largest = Number.POSITIVE_INFINITY;
    const sizes: number[] = [];
    const { report } = start(
      users(20),
      async (recipients) => {
        sizes.push(recipients.length);
        if (recipients.length <= 3) return ACCEPTED;
        largest = 3;
        throw api('FlowLimitExceeded', 'rejected', { throttled: true });
      },
      { concurrency: 1, keepChunks: true, largest: () => largest },
    );
    const { status, counts, throttled, requests, chunks } = await report;
    // The second chunk is cut before it is sent.
    expect(sizes).toEqual([10, 3, 3, 3, 1, 3, 3, 3, 1]);
    expect([status, counts.accepted, throttled, requests]).toEqual(['accepted', 20, 1, 9]);
    expect(chunks.map(({ index, recipients, attempts }) => [index, recipients, attempts])).toEqual([
      ...[3, 3, 3, 1].map((count) => [0, count, 2]),
      ...[3, 3, 3, 1].map((count) => [1, count, 1]),
    ]);
  });

  it('splits a chunk that waited for the quota while the chunk size became smaller', async () => {
    let largest = Number.POSITIVE_INFINITY;
    const { report } = start(
      users(10),
      async (recipients) => {
        if (recipients.length <= 5) return ACCEPTED;
        largest = 5;
        throw new RtcQuotaError('', { retryAfterMs: 0, chunkSize: 5 });
      },
      { largest: () => largest },
    );
    expect(await report).toMatchObject({
      status: 'accepted',
      counts: { accepted: 10 },
      requests: 2,
      throttled: 0,
    });
  });

  it('ends when everything is throttled during the whole time of a chunk', async () => {
    const { report } = start(
      users(1_000),
      async () => {
        await new Promise((resolve) => setTimeout(resolve, 10));
        throw api('FlowLimitExceeded', 'rejected', { throttled: true });
      },
      { concurrency: 2, chunkDeadlineMs: 100 },
    );
    const { status, stop, counts, throttled } = await report;
    expect([status, stop?.reason]).toEqual(['aborted', 'quota']);
    expect(counts.rejected).toBeGreaterThan(0);
    expect(counts.rejected + counts.notAttempted).toBe(counts.input);
    expect(throttled).toBeGreaterThan(5);
  });

  it('reports one chunk that is throttled for too long while others are accepted', async () => {
    const { report } = start(
      users(300),
      async ([first]) => {
        await new Promise((resolve) => setTimeout(resolve, 10));
        if (first !== 'u0') return ACCEPTED;
        throw api('FlowLimitExceeded', 'rejected', { throttled: true });
      },
      { concurrency: 2, chunkDeadlineMs: 100 },
    );
    expect(await report).toMatchObject({ status: 'partial', counts: { accepted: 290, rejected: 10 } });
  });

  it('has as many requests in flight as the round trip needs, and never more than its concurrency', async () => {
    let [inFlight, most, wanted] = [0, 0, 2];
    const mosts: number[] = [];
    const send = async (): Promise<typeof ACCEPTED> => {
      inFlight += 1;
      most = Math.max(most, inFlight);
      await new Promise((resolve) => setTimeout(resolve, 5));
      inFlight -= 1;
      return ACCEPTED;
    };
    let done = 0;
    const onChunk = (): void => {
      done += 1;
      if (done % 20 === 0) {
        mosts.push(most);
        most = inFlight;
        wanted = done === 20 ? 8 : 3;
      }
    };
    const { report } = start(users(900), send, { concurrency: undefined, inFlight: () => wanted, onChunk });
    expect((await report).status).toBe('accepted');
    expect(mosts[0]).toBe(2);
    expect(mosts[1]).toBe(8);
    expect(mosts[2]).toBeLessThan(8);
    expect(mosts[3]).toBe(3);
    most = 0;
    expect((await start(users(600), send, { concurrency: 4, inFlight: () => 100 }).report).status).toBe(
      'accepted',
    );
    expect(most).toBe(4);
  });

  it('without an accepted recipient is rejected, unless an outcome is unknown', async () => {
    const all = (error: RtcMessagingError) => start(users(20), failing(error)).report;
    expect((await all(api('FailToConnect'))).status).toBe('rejected');
    expect((await all(api('InternalError', 'unknown'))).status).toBe('partial');
    let calls = 0;
    const half: SendRequest = async () => {
      calls += 1;
      if (calls === 1) throw network('unknown');
      return ACCEPTED;
    };
    const { status, chunks, counts } = await start(users(20), half).report;
    expect([status, counts.accepted, counts.unknown]).toEqual(['partial', 10, 10]);
    expect(chunks[0]).not.toHaveProperty('requestId');
    expect((await start(['a b', ''], async () => ACCEPTED).report).status).toBe('rejected');
    expect((await start([], async () => ACCEPTED).report).status).toBe('accepted');
    expect((await start(['a', 'a'], async () => ACCEPTED).report).status).toBe('accepted');
  });

  it('counts a chunk as unknown after an unexpected error', async () => {
    const bug = new TypeError('a bug');
    const { status, counts, stop, chunks } = await start(users(5), failing(bug)).report;
    expect([status, counts.unknown, stop]).toEqual(['partial', 5, { reason: 'refused', error: bug }]);
    expect(chunks).toEqual([
      { index: 0, recipients: 5, outcome: 'unknown', attempts: 0, possibleDuplicate: false },
    ]);
  });

  it('stops when the caller, the app or its deadline wants it to', async () => {
    const controller = new AbortController();
    const endless = function* () {
      for (let user = 0; ; user++) yield `u${user}`;
    };
    const slow: SendRequest = async () => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      return ACCEPTED;
    };
    const aborted = start(endless(), slow, { signal: controller.signal });
    setTimeout(() => controller.abort(), 10);
    expect(await aborted.report).toMatchObject({ status: 'aborted', stop: { reason: 'aborted' } });
    const closed = start(endless(), slow);
    setTimeout(() => closed.shutdown.abort(), 10);
    expect(await closed.report).toMatchObject({ status: 'aborted', stop: { reason: 'shutdown' } });
    const late = start(endless(), slow, { deadlineMs: 10 });
    expect(await late.report).toMatchObject({ status: 'aborted', stop: { reason: 'deadline' } });
    const early = start(endless(), slow, { signal: AbortSignal.abort() });
    expect(await early.report).toMatchObject({ status: 'aborted', stop: { reason: 'aborted' }, requests: 0 });
    const refused = start(users(5), failing(new RtcAbortedError('closing', { outcome: 'not_attempted' })));
    expect(await refused.report).toMatchObject({ status: 'aborted', stop: { reason: 'shutdown' } });
  });

  it('aborts waiting sends once it is stopped', async () => {
    const controller = new AbortController();
    const { report } = start(
      users(10),
      (_recipients, { stop }) =>
        new Promise((_resolve, reject) => {
          stop.listen(() => reject(new RtcAbortedError('stopped', { outcome: 'not_attempted' })));
          controller.abort();
        }),
      { signal: controller.signal },
    );
    expect(await report).toMatchObject({
      status: 'aborted',
      stop: { reason: 'aborted' },
      counts: { notAttempted: 10 },
      unaccepted: { notAttempted: users(10) },
    });
  });

  it('does not wait for a source or a callback that hangs', async () => {
    const controller = new AbortController();
    const hanging: AsyncIterable<string> = {
      [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }),
    };
    const reading = start(hanging, async () => ACCEPTED, { signal: controller.signal });
    setImmediate(() => controller.abort());
    expect(await reading.report).toMatchObject({ status: 'aborted', counts: { input: 0 } });
    const { report, shutdown } = start(users(30), async () => ACCEPTED, {
      onChunk: () => new Promise(() => undefined),
    });
    setImmediate(() => shutdown.abort());
    expect(await report).toMatchObject({ stop: { reason: 'shutdown' }, counts: { accepted: 30 } });
  });

  it('sends no other part of what it has split once it is stopped', async () => {
    const controller = new AbortController();
    let calls = 0;
    const { report } = start(
      users(8),
      async ({ length }) => {
        calls += 1;
        if (length === 8) throw api('InvalidParameter.IllegalTo');
        controller.abort();
        return ACCEPTED;
      },
      { signal: controller.signal },
    );
    expect(await report).toMatchObject({ status: 'aborted', counts: { accepted: 4, notAttempted: 4 } });
    expect(calls).toBe(2);
  });

  it('does not wait for a callback that begins to hang after the stop', async () => {
    const controller = new AbortController();
    const { report } = start(
      users(10),
      async () => {
        controller.abort();
        await new Promise(setImmediate);
        await new Promise(setImmediate);
        return ACCEPTED;
      },
      { signal: controller.signal, onChunk: () => new Promise(() => undefined) },
    );
    expect(await report).toMatchObject({ stop: { reason: 'aborted' }, counts: { accepted: 10 } });
  });

  it('is not stopped by a missing onProgress', async () => {
    const { report } = start(users(1), async () => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      return ACCEPTED;
    });
    expect(await report).not.toHaveProperty('stop');
  });

  it('is stopped by what onProgress throws while it goes on', async () => {
    const bug = new TypeError('a bug');
    const { report } = start(
      users(30),
      async (_recipients, { stop }) => {
        if (!stop.isCancelled) await new Promise<void>((resolve) => stop.listen(resolve));
        return ACCEPTED;
      },
      {
        concurrency: 1,
        onProgress: () => {
          throw bug;
        },
      },
    );
    expect(await report).toMatchObject({ status: 'aborted', stop: { reason: 'callback', error: bug } });
  });

  it.each(['onChunk', 'onProgress'] as const)('is stopped by what %s throws', async (name) => {
    const bug = new TypeError('a bug');
    const { report } = start(users(30), async () => ACCEPTED, {
      concurrency: 1,
      [name]: () => {
        throw bug;
      },
    });
    const { stop, counts, status } = await report;
    if (name === 'onChunk') {
      expect([status, stop]).toEqual(['aborted', { reason: 'callback', error: bug }]);
      expect(counts).toMatchObject({ input: 10, accepted: 10 });
      // At the end it is too late to stop anything.
    } else expect([status, counts.accepted]).toEqual(['accepted', 30]);
  });

  it('stops when its source fails', async () => {
    const lost = new Error('lost');
    const source = function* () {
      yield* users(25);
      throw lost;
    };
    const { status, stop, counts } = await start(source(), async () => ACCEPTED, { concurrency: 1 }).report;
    expect([status, stop]).toEqual(['aborted', { reason: 'source', error: lost }]);
    expect(counts).toMatchObject({ input: 25, accepted: 20, notAttempted: 5 });
  });

  it('calls onProgress at its end at least', async () => {
    const told: FanOutProgress[] = [];
    const { report } = start([...users(30), 'u29', 'a b'], async () => ACCEPTED, {
      total: 32,
      chunkSize: 40,
      onProgress: (progress) => void told.push(progress),
    });
    const { id, counts } = await report;
    expect(told).toHaveLength(1);
    expect(told[0]).toMatchObject({ id, counts, done: 32, total: 32, requests: 1, throttled: 0, etaMs: 0 });
    expect(told[0]!.rate).toBeGreaterThan(0);
  });

  it('calls onProgress four times a second', async () => {
    const told: FanOutProgress[] = [];
    let finish = (): void => undefined;
    const { report } = start(users(1), () => new Promise((resolve) => (finish = () => resolve(ACCEPTED))), {
      onProgress: (progress) => void (told.push(progress) === 2 && finish()),
    });
    await report;
    expect(told.map(({ done }) => done)).toEqual([0, 0, 1]);
    expect(told[0]).not.toHaveProperty('total');
    expect(told[1]!.elapsedMs).toBeGreaterThanOrEqual(490);
  });
});

describe('the counts of a fan-out over any outcomes', () => {
  const outcomes = [
    () => ACCEPTED,
    () => ({ ...ACCEPTED, possibleDuplicate: true }),
    () => api('InvalidParameter.IllegalTo'),
    () => api('InvalidParameter.UserCountOverLimit'),
    () => api('InternalError', 'unknown'),
    () => api('FailToConnect'),
    () => api('AccessDenied'),
    () => network('unknown'),
    () => network('not_attempted'),
    () => new TypeError('a bug'),
  ];

  it('have each user once, with the outcome of the last request with it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            fc.nat(60).map((user) => `u${user}`),
            fc.constant('a b'),
          ),
          { maxLength: 120 },
        ),
        // Most are accepted, or few fan-outs would come far.
        fc.array(
          fc.oneof(
            { weight: 3, arbitrary: fc.constant(0) },
            { weight: 1, arbitrary: fc.nat(outcomes.length - 1) },
          ),
          {
            minLength: 1,
            maxLength: 30,
          },
        ),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom<Dedupe>('chunk', 'all', 'none'),
        fc.option(fc.nat(15), { nil: undefined }),
        async (items, script, chunkSize, concurrency, dedupe, abortAt) => {
          const controller = new AbortController();
          let calls = 0;
          const sums = { accepted: 0, rejected: 0, unknown: 0, notAttempted: 0 };
          const { report, events } = start(
            items,
            async (recipients) => {
              const comes = outcomes[script[calls++ % script.length]!]!();
              if (calls === abortAt) controller.abort();
              await new Promise(setImmediate);
              if (!(comes instanceof Error)) {
                sums.accepted += recipients.length;
                return comes;
              }
              const parted =
                recipients.length > 1 && /IllegalTo|UserCount/.test((comes as RtcApiError).apiCode ?? '');
              if (!parted) {
                const outcome = comes instanceof RtcMessagingError ? comes.outcome : 'unknown';
                sums[outcome === 'not_attempted' ? 'notAttempted' : outcome] += recipients.length;
              }
              throw comes;
            },
            { chunkSize, concurrency, dedupe, signal: controller.signal, keepChunks: true },
          );
          const { status, counts, chunks, unaccepted, stop, invalid } = await report;
          const { input, ...parts } = counts;
          expect(Object.values(parts).reduce((sum, count) => sum + count)).toBe(input);
          const { accepted, rejected, unknown, notAttempted } = counts;
          // Those for whom no request was made are not attempted either.
          expect({ accepted, rejected, unknown }).toEqual({
            accepted: sums.accepted,
            rejected: sums.rejected,
            unknown: sums.unknown,
          });
          expect(notAttempted).toBeGreaterThanOrEqual(sums.notAttempted);
          expect(unaccepted!.rejected).toHaveLength(rejected);
          expect(unaccepted!.unknown).toHaveLength(unknown);
          expect(unaccepted!.notAttempted).toHaveLength(notAttempted);
          expect(invalid).toHaveLength(counts.invalid);
          const sentTo = chunks.reduce((sum, { recipients }) => sum + recipients, 0);
          expect(sentTo).toBeLessThanOrEqual(accepted + rejected + unknown + notAttempted);
          if (stop === undefined) {
            expect(input).toBe(items.length);
            expect(notAttempted).toBe(0);
            expect(status).not.toBe('aborted');
          }
          if (status === 'accepted') expect(accepted + counts.duplicates).toBe(items.length);
          if (status === 'rejected') expect(accepted + unknown).toBe(0);
          expect(events.at(-1)).toMatchObject({ type: 'fan_out_outcome', status, counts });
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('recipients in chunks', () => {
  it('are each handed out, counted as invalid or counted as duplicates, over any source, sizes and end', async () => {
    const item = fc.oneof(
      { weight: 8, arbitrary: fc.nat(40).map((user) => `u${user}`) },
      { weight: 1, arbitrary: fc.constantFrom<unknown>('', 'a b', null, 7, undefined, 'x'.repeat(129)) },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(item, { maxLength: 150 }),
        fc.integer({ min: 1, max: 20 }),
        fc.constantFrom<Dedupe>('chunk', 'all', 'none'),
        fc.boolean(),
        fc.option(fc.nat(8), { nil: undefined }),
        async (items, size, dedupe, later, stopAfter) => {
          async function* read() {
            yield* items;
          }
          const chunks = new RecipientChunks(later ? read() : items, size, dedupe);
          const handedOut: string[][] = [];
          for (let index = 0; ; index++) {
            if (index === stopAfter) chunks.stop();
            const chunk = await chunks.next();
            if (chunk === undefined) break;
            expect(chunk.index).toBe(index);
            expect(chunk.recipients.length).toBeGreaterThan(0);
            expect(chunk.recipients.length).toBeLessThanOrEqual(size);
            if (dedupe !== 'none') expect(new Set(chunk.recipients).size).toBe(chunk.recipients.length);
            handedOut.push([...chunk.recipients]);
          }
          const rest = chunks.takeRest();
          const given = [...handedOut.flat(), ...rest];
          expect(chunks.input).toBe(given.length + chunks.duplicates + chunks.invalidCount);
          expect(chunks.invalid).toHaveLength(chunks.invalidCount);
          // Whatever is left out, the order stays.
          const legal = items.slice(0, chunks.input).filter((one) => /^u\d+$/.test(String(one))) as string[];
          if (dedupe === 'none') expect(given).toEqual(legal);
          if (dedupe === 'all') expect(given).toEqual([...new Set(legal)]);
          expect(new Set(given)).toEqual(new Set(legal));
          if (stopAfter === undefined)
            expect([chunks.isComplete, chunks.input]).toEqual([true, items.length]);
          for (const { position, message } of chunks.invalid) {
            expect(legal).not.toContain(items[position]);
            expect(message).toBe(idProblem(items[position]));
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe('the report of a fan-out', () => {
  const chunk = (
    outcome: ChunkOutcome['outcome'],
    recipients: number,
    possibleDuplicate = false,
  ): ChunkOutcome => ({
    index: 0,
    outcome,
    recipients,
    attempts: 1,
    possibleDuplicate,
  });

  it('lists recipients that were not accepted, up to a hundred thousand of them', () => {
    const tally = new FanOutTally(false, true);
    tally.add(chunk('rejected', 60_000), users(60_000));
    tally.addUnsent(users(40_000));
    expect(tally.unaccepted).toMatchObject({ truncated: false });
    expect(tally.unaccepted!.notAttempted).toHaveLength(40_000);
    tally.add(chunk('unknown', 1), ['one too many']);
    expect(tally.unaccepted).toMatchObject({ unknown: [], truncated: true });
    expect(tally.sums).toEqual({ accepted: 0, rejected: 60_000, unknown: 1, notAttempted: 40_000 });
  });

  it('lists the first ten thousand chunks that need attention', () => {
    const tally = new FanOutTally(false, false);
    tally.add(chunk('accepted', 1), ['a']);
    tally.add(chunk('accepted', 1, true), ['b']);
    for (let index = 0; index < 10_000; index++) tally.add(chunk('unknown', 1), ['c']);
    expect(tally.chunks).toHaveLength(10_000);
    expect(tally.chunks[0]).toMatchObject({ outcome: 'accepted', possibleDuplicate: true });
    expect(tally.unaccepted).toBeUndefined();
  });
});

describe('the rate of a progress', () => {
  it('is that of the last five seconds', () => {
    let now = 0;
    const meter = new ProgressMeter(0, () => now);
    expect(meter.measure(0, 100)).toEqual({ rate: 0 });
    now = 1_000;
    expect(meter.measure(100, 300)).toEqual({ rate: 100, etaMs: 2_000 });
    expect(meter.measure(100, undefined)).toEqual({ rate: 100 });
    for (now = 2_000; now <= 20_000; now += 1_000) meter.measure(100, undefined);
    now = 20_500;
    expect(meter.measure(100, 300)).toEqual({ rate: 0 });
    now = 21_000;
    // The oldest that it goes by is the last one from before those five seconds.
    expect(meter.measure(700, 500)).toEqual({ rate: 100, etaMs: 0 });
  });
});

describe('the request and the options of a fan-out', () => {
  const request = { roomId: 'room-1', to: ['alice'], message: 'hello' };
  const issuesOf = (work: () => unknown): unknown => {
    try {
      work();
      return [];
    } catch (error) {
      expect(error).toBeInstanceOf(RtcValidationError);
      return (error as RtcValidationError).issues;
    }
  };

  it('keep the source as it is', () => {
    const to = new Set(['a b']);
    const checked = validateFanOutRequest({ ...request, to });
    expect(checked).toEqual({ ...request, to });
    expect(checked.to).toBe(to);
  });

  it.each<[unknown, string]>([
    [null, 'is null'],
    [7, 'is a number'],
    ['alice', 'is a string, whose characters would be taken for user IDs'],
    [new String('alice'), 'is a string, whose characters would be taken for user IDs'],
    [{}, 'is an object'],
    [Promise.resolve(['alice']), 'is a promise, which needs an await'],
  ])('refuse %p as a source', (to, words) => {
    expect(issuesOf(() => validateFanOutRequest({ ...request, to } as never))).toEqual([
      { path: 'to', message: `${words}; expected an iterable or async iterable of user IDs` },
    ]);
  });

  it('accept a source that is read later', () => {
    const to = (async function* () {
      yield 'alice';
    })();
    expect(validateFanOutRequest({ ...request, to }).to).toBe(to);
  });

  it('name a request that throws when it is read', () => {
    const throwing = Object.defineProperty({ ...request }, 'message', {
      enumerable: true,
      get: () => {
        throw new RangeError('too far');
      },
    });
    expect(issuesOf(() => validateFanOutRequest(throwing))).toEqual([
      { path: 'request', message: "can't be read: a getter or a proxy of it throws" },
    ]);
  });

  it('name everything that is wrong at once', () => {
    expect(issuesOf(() => validateFanOutRequest(null as never))).toMatchObject([
      { path: 'request', message: expect.stringContaining('must be an object') },
    ]);
    expect(issuesOf(() => validateFanOutRequest({ roomId: '', message: '', to: 7 } as never))).toMatchObject([
      { path: 'roomId' },
      { path: 'to' },
      { path: 'message' },
    ]);
    expect(issuesOf(() => validateFanOutRequest(undefined as never))).toMatchObject([
      { path: 'request', message: expect.stringContaining('must be an object') },
    ]);
    expect(issuesOf(() => validateFanOutRequest({ ...request, colour: 'red' } as never))).toMatchObject([
      { path: 'colour' },
    ]);
  });

  it('have their defaults, also for what is undefined', () => {
    const defaults = {
      chunkDeadlineMs: 60_000,
      dedupe: 'chunk',
      keepChunks: false,
      keepRecipients: true,
    };
    expect(checkFanOutOptions({})).toEqual(defaults);
    expect(checkFanOutOptions({ chunkSize: undefined, concurrency: 7 })).toEqual({
      ...defaults,
      concurrency: 7,
    });
  });

  it.each<[string, readonly unknown[], readonly unknown[], string]>([
    [
      'deadlineMs',
      [1, 86_400_000],
      [0, 86_400_001, 1.5, '7'],
      'must be a whole number of milliseconds from 1 to 86400000',
    ],
    ['timeoutMs', [1, 600_000], [0, 2_147_483_648], 'must be a whole number of milliseconds from 1 to'],
    ['chunkDeadlineMs', [1, 60_000], [0, Number.NaN], 'must be a whole number of milliseconds from 1 to'],
    ['onUnknown', ['report', 'resend'], ['', 'ask'], 'must be report or resend'],
    ['concurrency', [1, 1_000], [0, 1_001, null], 'must be a whole number from 1 to 1000'],
    ['chunkSize', [1, 600], [0, 601], 'must be a whole number from 1 to 600'],
    ['dedupe', ['chunk', 'all', 'none'], ['some'], 'must be chunk or all or none'],
    ['total', [0, 1e9], [-1, 0.5, '7'], 'must be a whole number from 0'],
    ['keepChunks', [true, false], [0, 'yes'], 'must be true or false'],
    ['keepRecipients', [true, false], [null], 'must be true or false'],
    ['onChunk', [() => undefined], [{}], 'must be a function'],
    ['onProgress', [() => undefined], ['log'], 'must be a function'],
    ['signal', [new AbortController().signal], [{}, null, { aborted: true }], 'must be an AbortSignal'],
  ])('%s is checked', (name, good, bad, rule) => {
    for (const value of good) expect(checkFanOutOptions({ [name]: value })).toMatchObject({ [name]: value });
    for (const value of bad) {
      expect(issuesOf(() => checkFanOutOptions({ [name]: value }))).toEqual([
        { path: `options.${name}`, message: expect.stringContaining(rule) },
      ]);
    }
  });

  it.each([null, [], 'text', 7])('refuse %p in place of options', (options) => {
    expect(issuesOf(() => checkFanOutOptions(options))).toEqual([
      { path: 'options', message: expect.stringContaining('must be an object, got ') },
    ]);
  });
});

describe('the estimate of a fan-out', () => {
  const quota: QuotaSettings = {
    requestsPerSecond: 500,
    costPer: 'request',
    roomMessagesPerSecond: undefined,
    credit: true,
    reserve: 0,
    maxQueue: 1,
    scope: 'accessKey',
  };

  it('counts requests, and the time that they take beyond the burst', () => {
    expect(estimateFanOut(0, 600, quota)).toEqual({ requests: 0, durationMs: 0 });
    expect(estimateFanOut(42_000, 600, quota)).toEqual({ requests: 70, durationMs: 0 });
    expect(estimateFanOut(42_001, 600, quota)).toEqual({ requests: 71, durationMs: 2 });
    const { requests, durationMs } = estimateFanOut(1_000_000, 600, quota);
    expect(requests).toBe(1_667);
    expect(durationMs).toBe(3_200);
    expect(estimateFanOut(1_000_000, 600, { ...quota, reserve: 250 }).durationMs).toBe(6_541);
  });

  it('depends on what counts, on the limit of rooms, and on the chunks that follow from these', () => {
    const perRecipient = { ...quota, costPer: 'recipient' } as const;
    expect(estimateFanOut(10_000, undefined, quota)).toEqual({ requests: 17, durationMs: 0 });
    expect(estimateFanOut(10_000, undefined, perRecipient)).toEqual({ requests: 400, durationMs: 19_852 });
    const inRooms = { ...perRecipient, roomMessagesPerSecond: 100 };
    expect(estimateFanOut(1_000, undefined, inRooms)).toEqual({ requests: 200, durationMs: 9_840 });
    expect(estimateFanOut(600_000, undefined, { ...quota, roomMessagesPerSecond: 100 }).durationMs).toBe(
      9_880,
    );
    expect(defaultChunkSize({ ...perRecipient, requestsPerSecond: 10 })).toBe(1);
    expect(defaultChunkSize({ ...perRecipient, requestsPerSecond: 100_000 })).toBe(600);
  });

  it.each([
    // One takes all permits of a second, and counts no more than these.
    [10_000, 600, 500, 15_894],
    [6_000, 600, 100, 9_018],
    // One fits into a second, and not two.
    [9_900, 300, 500, 32_064],
  ])(
    'knows that %d recipients in large requests of %d leave gaps at a limit of %d',
    (all, size, limit, ms) => {
      const perRecipient = { ...quota, costPer: 'recipient', requestsPerSecond: limit } as const;
      expect(estimateFanOut(all, size, perRecipient).durationMs).toBe(ms);
    },
  );

  it.each([
    [-1, 600, 'recipients', 'must be a whole number from 0'],
    [0.5, 600, 'recipients', 'must be a whole number from 0'],
    [1, 0, 'chunkSize', 'must be a whole number from 1 to 600'],
    [1, 601, 'chunkSize', 'must be a whole number from 1 to 600'],
    [1, 1.5, 'chunkSize', 'must be a whole number from 1 to 600'],
  ])('refuses %d recipients in chunks of %d', (recipients, chunkSize, path, message) => {
    let issues: unknown;
    try {
      estimateFanOut(recipients, chunkSize, quota);
    } catch (error) {
      ({ issues } = error as RtcValidationError);
    }
    expect(issues).toEqual([{ path, message: expect.stringContaining(message) }]);
    expect(estimateFanOut(1, 1, quota).requests).toBe(1);
  });
});
