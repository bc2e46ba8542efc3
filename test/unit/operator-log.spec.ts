import { beforeEach, describe, expect, it } from '@jest/globals';
import { OperatorLog } from '../../lib/diagnostics/operator-log.js';
import type { RtcEvent, RtcOutcomeEvent } from '../../lib/diagnostics/rtc-event.js';
import type { Attempt } from '../../lib/errors/attempt.js';
import { LogLines } from '../support/log-lines.js';

describe("the operator's log", () => {
  let now = 0;
  let logger: LogLines;
  let log: OperatorLog;
  beforeEach(() => {
    now = 0;
    logger = new LogLines();
    log = new OperatorLog(logger, () => now);
  });
  const outcome = (...attempts: Partial<Attempt>[]): RtcOutcomeEvent => ({
    type: 'outcome',
    call: { module: 'default', id: 1, action: 'BatchSendRoomUnicast', startedAt: '' },
    outcome: attempts.some((attempt) => attempt.outcome === 'unknown') ? 'unknown' : 'rejected',
    attempts: attempts.map((attempt) => ({
      outcome: 'rejected',
      phase: 'done',
      startedAt: '',
      durationMs: 0,
      ...attempt,
    })),
    possibleDuplicate: false,
    durationMs: 0,
    code: 'RTC_API',
  });
  const linesAfter = (...events: RtcEvent[]): string[] => {
    for (const event of events) log.onEvent(event);
    return logger.lines;
  };

  it('repeats a line once a minute, with how often it happened meanwhile', () => {
    const denied = outcome({ failure: 'AccessDenied' });
    linesAfter(denied, denied, denied);
    now += 59_999;
    expect(linesAfter(denied)).toEqual([
      'ERROR BatchSendRoomUnicast: the service refuses with AccessDenied.',
    ]);
    now += 1;
    expect(linesAfter(denied)[1]).toBe(
      'ERROR BatchSendRoomUnicast: the service refuses with AccessDenied. It happened 3 more times since the last such line.',
    );
  });

  it('says what to do about it, where the error does', () => {
    const hint = 'Give the access key the permission to call this action.';
    expect(linesAfter({ ...outcome({ failure: 'AccessDenied' }), hint })).toEqual([
      `ERROR BatchSendRoomUnicast: the service refuses with AccessDenied. ${hint}`,
    ]);
  });

  it('has a bounded number of lines, whatever codes a remote side makes up', () => {
    for (let code = 0; code < 300; code++) log.onEvent(outcome({ failure: `Code${code}` }));
    expect(logger.lines.length).toBeLessThan(110);
  });

  it('has a line of its own for a new code again, a minute after a remote side made up many', () => {
    for (let code = 0; code < 300; code++) log.onEvent(outcome({ failure: `Code${code}` }));
    now += 60_000;
    logger.lines.length = 0;
    expect(linesAfter(outcome({ failure: 'AccessDenied' }), outcome({ failure: 'LackPolicy' }))).toEqual([
      'ERROR BatchSendRoomUnicast: the service refuses with AccessDenied.',
      'ERROR BatchSendRoomUnicast: the service refuses with LackPolicy.',
    ]);
  });

  it.each<[string, Partial<Attempt>[], string]>([
    [
      'what the last attempt met',
      [
        { failure: 'FlowLimitExceeded', throttled: true },
        { outcome: 'not_attempted', phase: 'connecting', failure: 'ECONNREFUSED' },
      ],
      `ERROR BatchSendRoomUnicast: it was not sent (ECONNREFUSED, phase "connecting").`,
    ],
    [
      'which attempt it is unknown of',
      [{ outcome: 'unknown', failure: 'ECONNRESET' }, { failure: 'InvalidParameter.IllegalTo' }],
      'WARN BatchSendRoomUnicast: it is unknown whether a message was accepted (ECONNRESET). Sent again, it may arrive twice; onUnknown (RTC_ON_UNKNOWN) decides whether it is.',
    ],
    [
      'that sockets were all in use',
      [{ outcome: 'not_attempted', phase: 'queued', failure: 'TIMEOUT' }],
      'ERROR BatchSendRoomUnicast: it was not sent (TIMEOUT, phase "queued").',
    ],
    [
      'that the fault is on this side',
      [{ outcome: 'not_attempted', phase: 'queued', failure: 'REQUEST_FAILED (TypeError)' }],
      `ERROR BatchSendRoomUnicast: it was not sent (REQUEST_FAILED (TypeError), phase "queued").`,
    ],
    [
      'that the quota is used up',
      [{ failure: 'UnreadableResponse', throttled: true }],
      'WARN BatchSendRoomUnicast: refused because the quota is used up (UnreadableResponse).',
    ],
    [
      'that the sender is not allowed',
      [{ failure: 'InvalidParameter.IllegalFrom' }],
      'ERROR BatchSendRoomUnicast: the service refuses with InvalidParameter.IllegalFrom.',
    ],
  ])('has a line for %s', (_what, attempts, line) => {
    expect(linesAfter(outcome(...attempts))).toEqual([line]);
  });

  it("has no line for a caller's own mistakes", () => {
    expect(linesAfter(outcome({ failure: 'InvalidParameter.IllegalTo' }))).toEqual([]);
  });

  it('has lines for an account that refuses everything, for what it allows, and for when it allows all again', () => {
    const throttling = { type: 'throttling', module: 'default' } as const;
    const estimates = [{ permitsPerSecond: 0 }, { permitsPerSecond: 60 }, {}];
    expect(linesAfter(...estimates.map((estimate) => ({ ...throttling, ...estimate })))).toEqual([
      expect.stringMatching(/^WARN Quota: the service refuses everything\./),
      expect.stringMatching(
        /^WARN Quota: the account seems to allow about 60 .* set quota\.requestsPerSecond /,
      ),
      'LOG Quota: the service allows all of it again.',
    ]);
    now += 60_000;
    expect(linesAfter({ ...throttling, permitsPerSecond: 30, chunkSize: 15 }).at(-1)).toMatch(
      /about 30 a second.* more than 15 recipients: set quota\.costPer /,
    );
  });

  it('distinguishes credentials that age from credentials that are gone', () => {
    const failed = {
      type: 'credentials',
      module: 'default',
      status: 'refresh_failed',
      failure: 'the provider failed with Error',
    } as const;
    linesAfter(
      { type: 'credentials', module: 'default', status: 'refreshed', usable: true },
      { ...failed, usable: true },
      { ...failed, usable: true },
      { ...failed, usable: false },
      { ...failed, usable: false },
      { type: 'credentials', module: 'default', status: 'refreshed', usable: true },
    );
    expect(logger.lines).toEqual([
      'WARN Credentials: the provider failed with Error. The last ones are still valid. Check the provider in credentials, and log its errors there: their texts may hold secrets, and are not shown here.',
      'ERROR Credentials: the provider failed with Error. Nothing can be sent. Check the provider in credentials, and log its errors there: their texts may hold secrets, and are not shown here.',
      'LOG Credentials: the provider works again.',
    ]);
  });

  it('has one line for a shared quota that is not shared, with the reason, and one when it is again', () => {
    const away = {
      type: 'quota',
      module: 'default',
      status: 'fallback',
      failure: "Redis can't be reached",
    } as const;
    const shared = { type: 'quota', module: 'default', status: 'shared' } as const;
    expect(linesAfter(shared)).toEqual([]);
    expect(linesAfter(away, away, shared, { ...away, status: 'refusing' })).toEqual([
      "WARN Quota: Redis can't be reached. This process uses its own share of the limit meanwhile, and tries again by itself: check that Redis runs and can be reached.",
      'LOG Quota: shared again.',
      "ERROR Quota: Redis can't be reached. Nothing is sent.",
    ]);
  });
});
