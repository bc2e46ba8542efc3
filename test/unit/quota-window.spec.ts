import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { QuotaWindow, type QuotaWindowKind } from '../../lib/emulator/quota-window.js';

/** Plays requests at the given times and returns when those that were admitted came. */
function admitted(times: readonly number[], limit: number, kind: QuotaWindowKind): number[] {
  let now = 0;
  const quota = new QuotaWindow(kind, () => now);
  return times.filter((time) => {
    now = time;
    return quota.admit(limit);
  });
}

const arrivals = fc
  .array(fc.integer({ min: 0, max: 5_000 }), { maxLength: 200 })
  .map((times) => times.sort((a, b) => a - b));

describe('a sliding quota window', () => {
  it('never admits more than the limit in any second, and refuses only when it is full', () => {
    fc.assert(
      fc.property(arrivals, fc.integer({ min: 1, max: 20 }), (times, limit) => {
        const log: number[] = [];
        const passed = admitted(times, limit, 'sliding');
        let next = 0;
        for (const time of times) {
          const inLastSecond = log.filter((earlier) => time - earlier < 1_000).length;
          const expected = inLastSecond < limit;
          if (expected) {
            expect(passed[next]).toBe(time);
            next += 1;
            log.push(time);
          }
        }
        expect(passed.length).toBe(next);
      }),
    );
  });

  it('has room again exactly one second later', () => {
    expect(admitted([0, 999, 1_000], 1, 'sliding')).toEqual([0, 1_000]);
  });
});

describe('a fixed quota window', () => {
  it('counts each full second separately, so that twice the limit may pass across a boundary', () => {
    expect(admitted([998, 999, 999, 1_000, 1_001, 1_002], 2, 'fixed')).toEqual([998, 999, 1_000, 1_001]);
  });
});

describe('a lifted quota', () => {
  it('admits everything', () => {
    expect(admitted([1, 1, 1], Number.POSITIVE_INFINITY, 'sliding')).toEqual([1, 1, 1]);
  });
});

describe('a request that costs more', () => {
  it('is admitted if it fits into what is left of the second as a whole', () => {
    let now = 0;
    const quota = new QuotaWindow('sliding', () => now);
    expect([300, 300, 200, 1].map((cost) => quota.admit(500, cost))).toEqual([true, false, true, false]);
    now = 999;
    expect(quota.admit(500, 600)).toBe(false);
    now = 1_000;
    expect([quota.hasRoom(0, 0), quota.admit(500, 600), quota.admit(500, 500)]).toEqual([true, false, true]);
  });
});
