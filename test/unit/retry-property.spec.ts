import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import type { Attempt, AttemptPhase, FailureOutcome } from '../../lib/errors/attempt.js';
import { RtcConfigError } from '../../lib/errors/rtc-config.error.js';
import { RtcMessagingError } from '../../lib/errors/rtc-messaging.error.js';
import type { ApiReply } from '../../lib/openapi/api-reply.js';
import type { AttemptEnd } from '../../lib/openapi/http-attempt.js';
import { Cancellation } from '../../lib/waiting/cancellation.js';
import { backoffMs } from '../../lib/retry/backoff.js';
import { isPossibleDuplicate, outcomeOfAttempts } from '../../lib/retry/attempts.js';
import { FAN_OUT_CHUNK, type OnUnknown, SINGLE_SEND } from '../../lib/retry/call-policy.js';
import { classify } from '../../lib/retry/retry-decision.js';
import { describeAttempt } from '../../lib/retry/attempts.js';
import { MAX_RETRY_AFTER_MS, retryAfterMs } from '../../lib/retry/backoff.js';
import { RetryBudget } from '../../lib/retry/retry-budget.js';
import { SendCall } from '../../lib/retry/send-call.js';
import { anyCharacter } from '../support/properties.js';
import { LIMITS, REQUEST_ID, result, REQUEST, ScriptedCalls } from '../support/scripted-calls.js';

const phase = fc.constantFrom<AttemptPhase>('queued', 'connecting', 'sent', 'headers', 'done');
const KNOWN_CODES = [
  'FlowLimitExceeded.QPSOverLimit',
  'AccountFlowLimitExceeded',
  'FailToConnect',
  'InvalidTimestamp',
  'InvalidAccessKey',
  'SignatureDoesNotMatch',
  'AccessDenied',
  'InternalError',
  'InternalServiceTimeout',
  'ServiceUnavailableTemp',
  'InvalidParameter.IllegalTo',
];
const apiCode = fc.oneof(fc.constantFrom(...KNOWN_CODES), fc.stringMatching(/^[A-Za-z][\w.-]{0,20}$/));
const reply: fc.Arbitrary<ApiReply> = fc.oneof(
  fc.constant<ApiReply>({ kind: 'success', requestId: REQUEST_ID }),
  fc.record({
    kind: fc.constant('error' as const),
    apiCode,
    codeN: fc.option(fc.oneof(fc.integer(), fc.constantFrom(100_014, 100_016, 100_027)), { nil: undefined }),
    isWithheld: fc.constantFrom(true, undefined),
  }),
  fc.constant<ApiReply>({ kind: 'unreadable', why: 'the body is not JSON' }),
);
const httpStatus = fc.oneof(
  fc.constantFrom(200, 201, 302, 400, 401, 403, 404, 408, 429, 500, 502, 503, 504),
  fc.nat(599),
);
const answered: fc.Arbitrary<AttemptEnd> = fc.record({
  kind: fc.constant('answered' as const),
  httpStatus,
  reply,
  retryAfter: fc.constantFrom(undefined, '0', 'soon'),
  date: fc.constantFrom(undefined, 'Fri, 02 Jan 2026 05:04:10 GMT'),
});
const failure = fc.oneof(
  fc.constantFrom('ECONNRESET', 'ECONNREFUSED', 'CERT_HAS_EXPIRED', 'REQUEST_FAILED', 'RESPONSE_TOO_LARGE'),
  fc.string({ unit: anyCharacter, maxLength: 70 }),
);
const unanswered: fc.Arbitrary<AttemptEnd> = fc.oneof(
  fc.record({ kind: fc.constant('network_error' as const), failure }),
  fc.record({
    kind: fc.constant('interrupted' as const),
    by: fc.constantFrom('timeout' as const, 'aborted' as const),
  }),
  fc.constant<AttemptEnd>({ kind: 'no_credentials', error: new RtcConfigError([]) }),
);
/** However an attempt can end, in a phase in which it can. */
const attemptEnd: fc.Arbitrary<{ end: AttemptEnd; phase: AttemptPhase }> = fc.oneof(
  fc.record({ end: answered, phase: fc.constant<AttemptPhase>('done') }),
  fc
    .record({ end: unanswered, phase })
    .map(({ end, phase }) => ({ end, phase: end.kind === 'no_credentials' ? ('queued' as const) : phase })),
);

describe('the retry decision on an attempt', () => {
  it('has an action that its outcome allows, whatever happened', () => {
    fc.assert(
      fc.property(fc.oneof(answered, unanswered), phase, (end, phase) => {
        const { outcome, action } = classify(end, phase);
        const actions: Record<Attempt['outcome'], readonly string[]> = {
          accepted: ['none'],
          rejected: ['none', 'retry', 'slow_down', 'correct_clock', 'refresh_credentials'],
          unknown: ['none', 'ask_policy'],
          not_attempted: ['none', 'retry'],
        };
        expect(actions[outcome]).toContain(action);
      }),
      { numRuns: 1_000 },
    );
  });

  it('is not_attempted only before anything was sent, and accepted only on a readable 2xx', () => {
    fc.assert(
      fc.property(attemptEnd, ({ end, phase }) => {
        const { outcome } = classify(end, phase);
        expect(outcome === 'not_attempted').toBe(
          end.kind !== 'answered' && (phase === 'queued' || phase === 'connecting'),
        );
        expect(outcome === 'accepted').toBe(
          end.kind === 'answered' && end.reply.kind === 'success' && Math.floor(end.httpStatus / 100) === 2,
        );
        // Without an answer, nobody has refused.
        if (outcome === 'rejected') expect(end.kind).toBe('answered');
      }),
      { numRuns: 1_000 },
    );
  });

  it('is described with printable words only', () => {
    fc.assert(
      fc.property(attemptEnd, ({ end, phase }) => {
        const attempt = describeAttempt(result(end, phase), classify(end, phase));
        expect(Object.isFrozen(attempt)).toBe(true);
        expect('failure' in attempt).toBe(attempt.outcome !== 'accepted');
        if (attempt.failure !== undefined) expect(attempt.failure).toMatch(/^[\w.-]{1,128}$/);
        if (end.kind === 'answered' && end.reply.kind === 'error' && end.reply.isWithheld)
          expect(attempt.failure).toBe('WithheldCode');
      }),
      { numRuns: 500 },
    );
  });
});

describe('the outcome of several attempts', () => {
  const outcome = fc.constantFrom<Attempt['outcome']>('accepted', 'rejected', 'unknown', 'not_attempted');
  const attempts = fc.array(
    outcome.map((one): Attempt => ({ outcome: one, phase: 'done', startedAt: '', durationMs: 0 })),
    { maxLength: 8 },
  );
  const CERTAINTY: readonly FailureOutcome[] = ['not_attempted', 'rejected', 'unknown'];

  it('never becomes more certain with later attempts', () => {
    fc.assert(
      fc.property(attempts, attempts, (before, after) => {
        const [early, late] = [outcomeOfAttempts(before), outcomeOfAttempts([...before, ...after])];
        expect(CERTAINTY.indexOf(late)).toBeGreaterThanOrEqual(CERTAINTY.indexOf(early));
        if (isPossibleDuplicate(before)) expect(isPossibleDuplicate([...before, ...after])).toBe(true);
      }),
    );
  });
});

describe('the wait before a retry', () => {
  it('is a whole number from nothing to a ceiling that grows to five seconds', () => {
    fc.assert(
      fc.property(
        fc.nat(2_000),
        fc.boolean(),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (retries, throttled, chance) => {
          const delayMs = backoffMs(retries, throttled, () => chance);
          expect(Number.isInteger(delayMs)).toBe(true);
          expect(delayMs).toBeGreaterThanOrEqual(0);
          expect(delayMs).toBeLessThanOrEqual(Math.min(5_000, (throttled ? 1_000 : 200) * 2 ** retries));
          expect(delayMs).toBeLessThanOrEqual(backoffMs(retries + 1, throttled, () => chance));
        },
      ),
    );
  });
});

describe('Retry-After', () => {
  const now = Date.parse('2026-01-02T03:04:05Z');
  const text = fc.option(
    fc.oneof(
      fc.string({ unit: anyCharacter }),
      fc.bigInt().map(String),
      fc.double().map(String),
      fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
      fc.constantFrom('', ' ', '-1', '1e9', '0x10', '+3', '٣', 'Infinity'),
    ),
    { nil: undefined },
  );

  it('is a wait within bounds, whatever the header says', () => {
    fc.assert(
      fc.property(text, text, (retryAfter, date) => {
        const wait = retryAfterMs(retryAfter, date, now);
        expect(wait).toBeGreaterThanOrEqual(0);
        expect(wait).toBeLessThanOrEqual(MAX_RETRY_AFTER_MS);
      }),
      { numRuns: 1_000 },
    );
  });

  it('is the same wait in seconds and as a date', () => {
    fc.assert(
      fc.property(fc.nat(60), fc.nat(4_000_000), (seconds, ago) => {
        const sent = now - ago * 1_000;
        const dates = [sent + seconds * 1_000, sent].map((time) => new Date(time).toUTCString());
        const expected = Math.min(seconds * 1_000, MAX_RETRY_AFTER_MS);
        expect(retryAfterMs(String(seconds), undefined, now)).toBe(expected);
        expect(retryAfterMs(dates[0], dates[1], now)).toBe(expected);
      }),
    );
  });
});

describe('the retry budget', () => {
  it('never allows more retries than it holds, refills and earns', () => {
    const step = fc.oneof(fc.constant('take' as const), fc.constant('earn' as const), fc.nat(2_000));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        let now = 0;
        let earned = 0;
        let taken = 0;
        const budget = new RetryBudget(() => now);
        for (const one of steps) {
          if (one === 'earn') {
            budget.earn();
            earned += 1;
          } else if (one === 'take') taken += budget.take() ? 1 : 0;
          else now += one;
          expect(taken).toBeLessThanOrEqual(100 + earned / 5 + now / 200 + 1e-6);
        }
      }),
    );
  });
});

describe('a call over any sequence of attempts', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  const course = fc.array(
    attemptEnd.map(({ end, phase }) => result(end, phase)),
    { maxLength: 8 },
  );

  it('resends only what was not accepted, emits every attempt, and throws an error with the true outcome', async () => {
    await fc.assert(
      fc.asyncProperty(
        course,
        fc.constantFrom<OnUnknown>('report', 'resend'),
        fc.constantFrom(SINGLE_SEND, FAN_OUT_CHUNK),
        fc.integer({ min: 1, max: 5 }),
        fc.boolean(),
        async (script, onUnknown, policy, maxAttempts, renewed) => {
          const calls = new ScriptedCalls([...script]);
          calls.replace = () => Promise.resolve(renewed);
          const attempts: Attempt[] = [];
          const call = new SendCall(
            calls.context,
            { module: 'default', id: 1, action: 'SendUnicast', startedAt: '' },
            REQUEST,
            { ...LIMITS, onUnknown, policy, maxAttempts },
            new Cancellation(),
            attempts,
          );
          let error: unknown;
          const sending = call.run().catch((thrown: unknown) => void (error = thrown));
          // Seconds that services ask to wait for.
          await jest.runAllTimersAsync();
          const requestId = (await sending)?.requestId;

          // Each is emitted, in order, as it was.
          const emitted = calls.events.flatMap((event) => (event.type === 'attempt' ? [event] : []));
          expect(emitted.map(({ attempt }) => attempt)).toEqual(attempts);
          expect(emitted.map(({ number }) => number)).toEqual(attempts.map((_attempt, index) => index + 1));
          expect(attempts.length).toBe(calls.made.length);
          expect(attempts.map(({ outcome }) => outcome)).toEqual(
            [...script, undefined]
              .slice(0, attempts.length)
              .map((one) => (one === undefined ? 'accepted' : classify(one.end, one.phase).outcome)),
          );

          // Nothing follows what is final, nor, unless it may, what may have been accepted.
          const before = attempts.slice(0, -1);
          for (const { outcome } of before) {
            expect(outcome).not.toBe('accepted');
            if (onUnknown === 'report') expect(outcome).not.toBe('unknown');
          }
          // The clock twice, the credentials once.
          if (!policy.retriesUntilDeadline) expect(attempts.length).toBeLessThanOrEqual(maxAttempts + 3);

          const last = attempts.at(-1)!;
          if (error === undefined) {
            expect(last.outcome).toBe('accepted');
            expect(requestId).toBe(last.requestId);
          } else {
            expect(error).toBeInstanceOf(RtcMessagingError);
            const { outcome, possibleDuplicate, attempts: listed } = error as RtcMessagingError;
            expect(last.outcome).not.toBe('accepted');
            expect(outcome).toBe(outcomeOfAttempts(attempts));
            expect(possibleDuplicate).toBe(isPossibleDuplicate(attempts));
            expect(possibleDuplicate && onUnknown === 'report').toBe(false);
            expect(listed).toEqual(attempts);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
