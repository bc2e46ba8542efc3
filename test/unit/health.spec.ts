import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Attempt, RtcOutcomeEvent } from 'nestjs-rtc-messaging';
import { type CallKind, HEALTH_WINDOW_MS, HealthRecord, kindOf } from '../../lib/health/health-record.js';
import { checkCallOptions } from '../../lib/options/check-call-options.js';
import { HEALTH_THRESHOLDS, judgeHealth } from '../../lib/health/judge-health.js';
import type { RtcHealthThresholds } from '../../lib/health/rtc-health.js';
import type { SenderCondition } from '../../lib/retry/sender.js';

const attempt = (more: Partial<Attempt> = {}): Attempt => ({
  outcome: 'rejected',
  phase: 'done',
  startedAt: '2026-01-01T00:00:00.000Z',
  durationMs: 5,
  ...more,
});
const ended = (more: Partial<RtcOutcomeEvent> = {}): RtcOutcomeEvent => ({
  type: 'outcome',
  call: { module: 'default', id: 1, action: 'BatchSendRoomUnicast', startedAt: '2026-01-01T00:00:00.000Z' },
  outcome: 'accepted',
  attempts: [attempt()],
  possibleDuplicate: false,
  durationMs: 5,
  ...more,
});
const rejected = (apiCode: string, more: Partial<Attempt> = {}): RtcOutcomeEvent =>
  ended({ outcome: 'rejected', code: 'RTC_API', apiCode, attempts: [attempt(more)] });
const unreachable = ended({ outcome: 'not_attempted', code: 'RTC_NETWORK' });

describe("the kind of a call's end", () => {
  it.each<[CallKind, RtcOutcomeEvent]>([
    ['accepted', ended()],
    ['unreachable', unreachable],
    ['unreachable', ended({ outcome: 'not_attempted', code: 'RTC_TIMEOUT' })],
    ['unreachable', rejected('FailToConnect')],
    ['unknown', ended({ outcome: 'unknown', code: 'RTC_TIMEOUT' })],
    ['unknown', ended({ outcome: 'unknown', code: 'RTC_API', apiCode: 'InternalError' })],
    ['throttled', rejected('FlowLimitExceeded', { throttled: true })],
    ['credentials', rejected('InvalidAccessKey')],
    ['credentials', rejected('SignatureDoesNotMatch')],
    ['credentials', rejected('InvalidSecretToken')],
    ['credentials', ended({ outcome: 'not_attempted', code: 'RTC_CONFIG' })],
    ['refused', rejected('AccessDenied.ServiceNotEnabled')],
    ['refused', rejected('InvalidParameter.NotExistAppId')],
    ['refused', rejected('InvalidTimestamp')],
    ['other', rejected('InvalidParameter.IllegalTo')],
    ['other', ended({ outcome: 'not_attempted', code: 'RTC_QUOTA', attempts: [] })],
    ['other', ended({ outcome: 'not_attempted', code: 'RTC_TIMEOUT', attempts: [] })],
    ['other', ended({ outcome: 'unknown', code: 'RTC_ABORTED' })],
  ])('is %s', (kind, event) => {
    expect(kindOf(event)).toBe(kind);
  });
});

describe('health', () => {
  let now: number;
  let record: HealthRecord;
  beforeEach(() => {
    now = 1_000_000;
    record = new HealthRecord(() => now);
  });
  const see = (event: RtcOutcomeEvent, times = 1): void => {
    for (let time = 0; time < times; time++) record.onEvent(event);
  };
  const condition: SenderCondition = {
    closing: false,
    inFlight: 2,
    quota: {
      queued: 0,
      maxQueue: 100,
      waitMs: 0,
      queuedBulk: 0,
      permitsPerSecond: 10,
      limit: 500,
      allowed: 500,
      costPer: 'request',
    },
    credentials: { state: 'fixed' },
  };
  const judge = (more: Partial<SenderCondition> = {}, thresholds: RtcHealthThresholds = {}) =>
    judgeHealth({ ...condition, ...more }, record.read(), checkCallOptions(HEALTH_THRESHOLDS, thresholds));
  const problems = (...given: Parameters<typeof judge>): readonly string[] => {
    const { status, problems } = judge(...given);
    expect(status).toBe(problems.length === 0 ? 'up' : 'down');
    return problems;
  };

  it('is up while nothing has happened, with all details', () => {
    expect(judge()).toEqual({
      status: 'up',
      problems: [],
      shuttingDown: false,
      inFlight: 2,
      quota: condition.quota,
      credentials: { state: 'fixed' },
      recent: { overMs: expect.any(Number), accepted: 0, failed: {}, others: 0 },
    });
  });

  it('is down while the app shuts down', () => {
    expect(problems({ closing: true })).toEqual(['The app is shutting down.']);
  });

  it('is down without usable credentials, but not while others are asked for or those in hand serve', () => {
    const failure = 'the provider failed with Error';
    expect(problems({ credentials: { state: 'unusable', failure } })).toEqual([
      'There are no usable credentials: the provider failed with Error.',
    ]);
    expect(problems({ credentials: { state: 'ageing', failure } })).toEqual([]);
    expect(problems({ credentials: { state: 'pending' } })).toEqual([]);
  });

  it('is down when the service refuses the access key, until it takes one or a minute has passed', () => {
    const refused = ['The service refuses the access key with InvalidAccessKey.'];
    see(rejected('InvalidAccessKey'));
    expect(problems()).toEqual(refused);
    see(rejected('InvalidParameter.IllegalTo'));
    expect(problems()).toEqual(refused);
    see(ended());
    expect(problems()).toEqual([]);

    see(rejected('InvalidAccessKey'));
    record.onEvent({ type: 'credentials', module: 'default', status: 'refresh_failed', usable: true });
    expect(problems()).toEqual(refused);
    record.onEvent({ type: 'credentials', module: 'default', status: 'refreshed', usable: true });
    expect(problems()).toEqual([]);

    see(rejected('InvalidAccessKey'));
    now += HEALTH_WINDOW_MS - 1;
    expect(problems()).toEqual(refused);
    now += 1;
    expect(problems()).toEqual([]);
  });

  it('is down when the queue is nearly full, or longer than is wanted', () => {
    const queue = (queued: number, maxQueue = 100, waitMs = 0) => ({
      quota: { ...condition.quota, queued, maxQueue, waitMs },
    });
    expect(problems(queue(89))).toEqual([]);
    expect(problems(queue(90))).toEqual(["The quota's queue is nearly full: 90 of 100 calls are waiting."]);
    expect(problems(queue(49), { queueShare: 0.5 })).toEqual([]);
    expect(problems(queue(50), { queueShare: 0.5 })).toHaveLength(1);
    // No one may wait: that is a choice, and not a queue that is full.
    expect(problems(queue(0, 0))).toEqual([]);
    expect(problems(queue(5, 100, 2_001))).toEqual([]);
    expect(problems(queue(5, 100, 2_000), { maxWaitMs: 2_000 })).toEqual([]);
    expect(problems(queue(5, 100, 2_001), { maxWaitMs: 2_000 })).toEqual([
      "The quota's queue is long: about 2001 ms.",
    ]);
  });

  it('is down when nearly all of enough calls failed lately', () => {
    see(unreachable, 9);
    expect(problems()).toEqual([]);
    see(ended({ outcome: 'unknown', code: 'RTC_TIMEOUT' }));
    expect(problems()).toEqual(['Of the last 10 calls, 10 failed (unreachable 9, unknown 1).']);
    see(ended(), 1);
    expect(problems()).toHaveLength(1);
    see(ended(), 1);
    expect(problems()).toEqual([]);
    expect(problems({}, { failureShare: 0.5 })).toHaveLength(1);
    expect(problems({}, { failureShare: 0.5, minCalls: 13 })).toEqual([]);
    expect(judge().recent).toMatchObject({ accepted: 2, failed: { unreachable: 9, unknown: 1 }, others: 0 });
  });

  it('ignores calls that say nothing about the service', () => {
    see(rejected('InvalidParameter.IllegalTo'), 100);
    see(ended({ outcome: 'not_attempted', code: 'RTC_ABORTED' }), 100);
    see(ended({ outcome: 'not_attempted', code: 'RTC_QUOTA', attempts: [] }), 100);
    expect(problems()).toEqual([]);
    expect(judge().recent).toMatchObject({ accepted: 0, failed: {}, others: 300 });
    see(unreachable, 10);
    expect(problems()).toHaveLength(1);
  });

  it('is down while a shared quota refuses, and not on a share of its own', () => {
    const quota = { type: 'quota', module: 'default' } as const;
    expect(judge()).not.toHaveProperty('sharedQuota');
    record.onEvent({ ...quota, status: 'fallback', failure: "Redis can't be reached" });
    expect(problems()).toEqual([]);
    expect(judge().sharedQuota).toEqual({ status: 'fallback', failure: "Redis can't be reached" });
    record.onEvent({ ...quota, status: 'refusing', failure: "Redis can't be reached" });
    expect(problems()).toEqual(["The shared quota is unavailable: Redis can't be reached."]);
    record.onEvent({ ...quota, status: 'shared' });
    expect(problems()).toEqual([]);
    expect(judge().sharedQuota).toEqual({ status: 'shared' });
  });

  it('needs failures to be down, however few calls are enough', () => {
    expect(problems({}, { minCalls: 0 })).toEqual([]);
    see(unreachable);
    expect(problems({}, { minCalls: 0 })).toHaveLength(1);
  });

  it('forgets failures when a minute has passed, so that it is tried again', () => {
    see(unreachable, 10);
    now += HEALTH_WINDOW_MS - 5_000;
    expect(problems()).toHaveLength(1);
    now += 10_000;
    expect(problems()).toEqual([]);
    expect(judge().recent).toMatchObject({ accepted: 0, failed: {} });
  });
});
