import { describe, expect, it } from '@jest/globals';
import type { Attempt } from '../../lib/errors/attempt.js';
import { backoffMs } from '../../lib/retry/backoff.js';
import { isPossibleDuplicate, outcomeOfAttempts } from '../../lib/retry/attempts.js';
import { retryAfterMs } from '../../lib/retry/backoff.js';
import { RetryBudget } from '../../lib/retry/retry-budget.js';

describe('the wait before a retry', () => {
  it.each([
    // retries before, throttled, ceiling
    [0, false, 200],
    [1, false, 400],
    [2, false, 800],
    [9, false, 5_000],
    [0, true, 1_000],
    [1, true, 2_000],
    [9, true, 5_000],
  ])('after %i retries (throttled: %s) is anything up to %i ms', (retries, throttled, ceiling) => {
    expect(backoffMs(retries, throttled, () => 0)).toBe(0);
    expect(backoffMs(retries, throttled, () => 0.5)).toBe(ceiling / 2);
    expect(backoffMs(retries, throttled, () => 0.999_999)).toBe(ceiling);
  });
});

describe('Retry-After', () => {
  const now = Date.parse('2026-01-02T03:04:05Z');
  it.each<[string | undefined, string | undefined, number]>([
    [undefined, undefined, 0],
    ['0', undefined, 0],
    ['3', undefined, 3_000],
    [' 3 ', undefined, 3_000],
    ['86400', undefined, 30_000],
    ['99999999999999999999', undefined, 30_000],
    ['Fri, 02 Jan 2026 03:04:12 GMT', undefined, 7_000],
    // A date is of the answer's own clock.
    ['Fri, 02 Jan 2026 05:04:12 GMT', 'Fri, 02 Jan 2026 05:04:10 GMT', 2_000],
    ['Fri, 02 Jan 2026 03:00:00 GMT', undefined, 0],
    ['soon', undefined, 0],
    ['-5', 'nonsense', 0],
    ['', undefined, 0],
  ])('of %j (Date: %j) is a wait of %i ms', (retryAfter, date, expected) => {
    expect(retryAfterMs(retryAfter, date, now)).toBe(expected);
  });
});

describe('the retry budget', () => {
  it('allows a hundred retries at once, then no more', () => {
    const budget = new RetryBudget(() => 0);
    expect(Array.from({ length: 101 }, () => budget.take())).toEqual([...Array(100).fill(true), false]);
  });

  it('refills by five retries a second, up to a hundred', () => {
    let now = 0;
    const budget = new RetryBudget(() => now);
    while (budget.take());
    now += 400;
    expect([budget.take(), budget.take(), budget.take()]).toEqual([true, true, false]);
    now += 3_600_000;
    expect(Array.from({ length: 101 }, () => budget.take()).filter(Boolean)).toHaveLength(100);
  });

  it('refills by one retry for five accepted calls', () => {
    const budget = new RetryBudget(() => 0);
    while (budget.take());
    for (let accepted = 0; accepted < 4; accepted++) budget.earn();
    expect(budget.take()).toBe(false);
    budget.earn();
    expect([budget.take(), budget.take()]).toEqual([true, false]);
  });
});

describe('the outcome of several attempts', () => {
  const attempts = (...outcomes: Attempt['outcome'][]): Attempt[] =>
    outcomes.map((outcome) => ({ outcome, phase: 'done', startedAt: '', durationMs: 0 }));

  it.each<[Attempt['outcome'][], string, boolean]>([
    [[], 'not_attempted', false],
    [['not_attempted', 'not_attempted'], 'not_attempted', false],
    [['not_attempted', 'rejected'], 'rejected', false],
    [['rejected', 'not_attempted'], 'rejected', false],
    [['unknown'], 'unknown', false],
    // What may have been accepted can't be taken back by a later refusal.
    [['unknown', 'rejected'], 'unknown', false],
    [['unknown', 'not_attempted'], 'unknown', false],
    [['rejected', 'unknown'], 'unknown', false],
    [['unknown', 'unknown'], 'unknown', true],
    [['unknown', 'rejected', 'unknown'], 'unknown', true],
  ])('with outcomes %j is %s, and possibly a duplicate: %s', (outcomes, outcome, duplicate) => {
    expect(outcomeOfAttempts(attempts(...outcomes))).toBe(outcome);
    expect(isPossibleDuplicate(attempts(...outcomes))).toBe(duplicate);
  });

  it('is a possible duplicate if an unknown one came before the accepted one, and not otherwise', () => {
    expect(isPossibleDuplicate(attempts('unknown', 'accepted'))).toBe(true);
    expect(isPossibleDuplicate(attempts('rejected', 'not_attempted', 'accepted'))).toBe(false);
  });
});
