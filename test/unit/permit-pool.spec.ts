import { beforeEach, describe, expect, it } from '@jest/globals';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Permit } from '../../lib/quota/permit-pool.js';
import { PermitPool } from '../../lib/quota/permit-pool.js';

let now: number;
beforeEach(() => {
  now = 1_000_000;
});
const poolOf = (limit: number, credit = false): PermitPool =>
  Object.assign(new PermitPool(limit, () => now), { credit });

/** Takes so many permits, pace or no pace. */
function takeAll(pool: PermitPool, count: number, permits = 1): Permit[] {
  return Array.from({ length: count }, () => pool.take(permits));
}
/** Lets time go by until there is a permit, up to a limit. @returns how long that took */
function waitFor(pool: PermitPool, permits = 1, upToMs = 100_000): number {
  const began = now;
  for (let delay = pool.delayMs(permits); delay > 0; delay = pool.delayMs(permits)) {
    if (now + delay - began > upToMs) return Number.POSITIVE_INFINITY;
    now += delay;
  }
  return now - began;
}

describe('a pool of permits', () => {
  it('has as many as the limit, and one is free again a second after its answer', () => {
    const pool = poolOf(10);
    const permits = takeAll(pool, 10);
    now += 5_000;
    for (const permit of permits.slice(0, 9)) permit.giveBack('answered');
    expect(pool.delayMs(1)).toBe(1_002);
    now += 1_001.9;
    expect(pool.delayMs(1)).toBeGreaterThan(0);
    now += 0.1;
    expect(pool.delayMs(1)).toBe(0);
    takeAll(pool, 9);
    expect(waitFor(pool)).toBe(Number.POSITIVE_INFINITY);
  });

  it('counts a request with its whole cost, though fewer permits were allowed when it was sent', () => {
    const pool = poolOf(500);
    pool.setLimit(500, 10);
    pool.take(400).giveBack('answered');
    pool.setLimit(500, 500);
    now += 950;
    expect(pool.delayMs(100)).toBe(0);
    // 400 may be counted until a second after that answer.
    expect(pool.delayMs(200)).toBe(52);
  });

  it('has a permit back at once that was not used', () => {
    const pool = poolOf(1);
    pool.take(1).giveBack('unused');
    now += 1_000;
    expect(pool.delayMs(1)).toBe(0);
    expect(pool.out).toBe(0);
  });

  it('takes each permit back once, whatever is reported later', () => {
    const pool = poolOf(4);
    const permit = pool.take(1);
    permit.giveBack('unused');
    permit.giveBack('answered');
    permit.giveBack('unanswered');
    now += 10_000;
    takeAll(pool, 4);
    expect(waitFor(pool)).toBe(Number.POSITIVE_INFINITY);
  });

  it('counts the requests in flight, and knows whether any was answered', () => {
    const pool = poolOf(10);
    expect(pool.out).toBe(0);
    const [one, other] = takeAll(pool, 2);
    expect([pool.requestsInFlight, pool.out]).toEqual([2, 2]);
    one!.giveBack('answered');
    other!.giveBack('unanswered');
    expect([pool.requestsInFlight, pool.out]).toEqual([0, 2]);
    now += 5_000;
    expect(pool.out).toBeGreaterThan(0);
    pool.take(1).giveBack('answered');
    now += 1_001.9;
    expect(pool.out).toBeGreaterThan(0);
    now = Math.round(now + 0.1);
    expect(pool.out).toBe(0);
  });

  it("does not wait for a fraction of a timer's precision", () => {
    const pool = poolOf(1_000);
    takeAll(pool, 140);
    now += 0.8;
    expect(pool.delayMs(1)).toBe(0);
    now -= 0.2;
    expect(pool.delayMs(1)).toBeCloseTo(0.4);
  });

  it('has back what was given up before an answered request was sent, and not what was given up later', () => {
    const pool = poolOf(100);
    for (const permit of takeAll(pool, 2)) permit.giveBack('unanswered');
    now += 10;
    const answered = pool.take(1);
    now += 10;
    pool.take(1).giveBack('unanswered');
    answered.giveBack('answered');
    expect(pool.out).toBe(4);
    now += 1_002;
    expect(pool.out).toBe(1);
  });

  it('spaces probes also where fewer permits are allowed than there are', () => {
    const pool = poolOf(20);
    pool.setLimit(20, 4);
    for (const permit of takeAll(pool, 4)) permit.giveBack('unanswered');
    now += 10_000;
    expect(pool.delayMs(1)).toBe(0);
    pool.take(1).giveBack('unanswered');
    expect(pool.delayMs(1)).toBe(2_000);
  });

  it('gives several permits to one request, or none', () => {
    const pool = poolOf(100);
    const seventy = pool.take(70);
    now += 1_000;
    expect(waitFor(pool, 6)).toBe(Number.POSITIVE_INFINITY);
    expect(pool.delayMs(5)).toBe(0);
    seventy.giveBack('answered');
    expect(pool.delayMs(31)).toBe(1_002);
    expect(pool.delayMs(30)).toBe(0);
    now += 1_002;
    expect(pool.delayMs(100)).toBe(0);
  });

  it('leaves a reserve for others', () => {
    const pool = poolOf(100);
    pool.take(98).giveBack('answered');
    now += 990;
    expect([pool.delayMs(1), pool.delayMs(1, 1), pool.delayMs(1, 2)]).toEqual([0, 0, 12]);
    // Who costs more than there are takes these, too.
    expect(pool.delayMs(100, 2)).toBe(12);
  });

  it('gives all permits to a request that costs more', () => {
    const pool = poolOf(10);
    const permit = pool.take(25);
    permit.giveBack('answered');
    now += 500;
    expect(pool.delayMs(1)).toBeGreaterThan(0);
    now += 502;
    expect(waitFor(pool, 25)).toBeLessThan(2_000);
    // And again, a second after the answer to it.
    pool.take(25).giveBack('answered');
    expect(pool.delayMs(25)).toBe(1_002);
    now += 1_002;
    expect(waitFor(pool, 25)).toBeLessThan(2_000);
  });

  it('knows when the last of several permits comes back', () => {
    const pool = poolOf(20);
    const [four, three, other] = [4, 3, 3].map((permits) => pool.take(permits));
    for (const permit of [four, three, other]) {
      permit!.giveBack('answered');
      now += 100;
    }
    const delays = [11, 14, 15, 17, 18, 20].map((permits) => pool.delayMs(permits));
    expect(delays).toEqual([702, 702, 802, 802, 902, 902]);
  });

  it('keeps what is out when its limit changes', () => {
    const pool = poolOf(10);
    const permits = takeAll(pool, 8);
    pool.setLimit(5);
    now += 2_000;
    for (const permit of permits.slice(0, 4)) permit.giveBack('unused');
    expect(waitFor(pool)).toBe(Number.POSITIVE_INFINITY);
    pool.setLimit(20);
    expect(waitFor(pool)).toBe(0);
  });

  it('can have fewer permits in circulation, and below one they come more seldom', () => {
    const pool = poolOf(10);
    pool.setLimit(10, 2);
    const [one] = takeAll(pool, 2);
    now += 3_000;
    expect(waitFor(pool)).toBe(Number.POSITIVE_INFINITY);
    pool.setLimit(10, 0.25);
    one!.giveBack('unused');
    expect(waitFor(pool)).toBe(Number.POSITIVE_INFINITY);
    const slow = poolOf(10);
    slow.setLimit(10, 0.25);
    slow.take(1).giveBack('answered');
    expect(slow.delayMs(1)).toBeCloseTo(4_008);
  });

  it('counts a permit that never comes back as unanswered, after longer than any request may take', () => {
    const pool = poolOf(2);
    takeAll(pool, 2);
    expect(pool.delayMs(1)).toBe(660_000);
    now += 659_999;
    expect(pool.delayMs(1)).toBe(1);
    now += 1;
    expect(pool.delayMs(1)).toBe(30_000);
    // A probe, since nothing but silence is known; and with its answer all are back.
    now += pool.delayMs(1);
    pool.take(1).giveBack('answered');
    now += 1_002;
    expect(waitFor(pool, 2)).toBeLessThan(1_001);
  });
});

describe('permits without an answer', () => {
  it('are free a second after the answer to a request that was sent after they were given up', () => {
    const pool = poolOf(100);
    const early = pool.take(1);
    const silent = takeAll(pool, 70);
    now += 1_000;
    for (const permit of silent) permit.giveBack('unanswered');
    now += 5_000;
    early.giveBack('answered');
    now += 2_000;
    // What was let go before proves nothing.
    expect(waitFor(pool, 70, 20_000)).toBe(Number.POSITIVE_INFINITY);
    const late = pool.take(1);
    late.giveBack('answered');
    now += 1_001;
    expect(pool.delayMs(70)).toBeGreaterThan(0);
    now += 1;
    expect(pool.delayMs(70)).toBe(0);
  });

  it('given up at the moment of a later request prove nothing about it', () => {
    const pool = poolOf(100);
    for (const permit of takeAll(pool, 70)) permit.giveBack('unanswered');
    pool.take(1).giveBack('answered');
    now += 1_500;
    expect(waitFor(pool, 70, 20_000)).toBe(Number.POSITIVE_INFINITY);
  });

  it('leave a quarter of the permits for probes, one a second', () => {
    const pool = poolOf(100);
    for (const permit of takeAll(pool, 75)) permit.giveBack('unanswered');
    const probes: number[] = [];
    for (let probe = 0; probe < 25; probe++) {
      waitFor(pool);
      probes.push(now);
      pool.take(1).giveBack('unanswered');
    }
    const gaps = probes.slice(1).map((at, index) => at - probes[index]!);
    expect(gaps).toEqual(gaps.map(() => 1_000));
    // Then all are silent, and one is written off every half minute.
    expect(waitFor(pool)).toBe(30_000);
    pool.take(1).giveBack('unanswered');
    expect(waitFor(pool)).toBe(30_000);
  });

  it('allow no probe while anything is in flight, or an answer was read less than a second ago', () => {
    const pool = poolOf(100);
    const [slow, answered, ...silent] = takeAll(pool, 77);
    for (const permit of silent) permit.giveBack('unanswered');
    answered!.giveBack('answered');
    expect(waitFor(pool)).toBe(Number.POSITIVE_INFINITY);
    slow!.giveBack('unanswered');
    expect(pool.delayMs(1)).toBeGreaterThan(0);
  });

  it.each([
    // limit, kept for probes, between probes
    [10, 5, 3_200],
    [4, 2, 8_000],
    [2, 1, 16_000],
    [32, 8, 2_000],
    [400, 100, 1_000],
  ])('keep of %i permits %i for probes, which last for a while', (limit, kept, everyMs) => {
    const pool = poolOf(limit);
    for (const permit of takeAll(pool, limit - kept)) permit.giveBack('unanswered');
    now += 1_000;
    expect(waitFor(pool)).toBe(0);
    pool.take(1).giveBack('unanswered');
    expect(waitFor(pool)).toBe(kept === 1 ? 30_000 : everyMs);
  });

  it('keep probes of several permits for as long', () => {
    const pool = poolOf(500);
    for (const permit of takeAll(pool, 15, 25)) permit.giveBack('unanswered');
    expect(waitFor(pool, 25)).toBeLessThanOrEqual(3_200);
    pool.take(25).giveBack('unanswered');
    expect(waitFor(pool, 25)).toBe(3_200);
  });

  it('are used after a single free permit', () => {
    const pool = poolOf(1);
    pool.take(1).giveBack('unanswered');
    expect(pool.delayMs(1)).toBe(30_000);
    now += 30_000;
    expect(pool.delayMs(1)).toBe(0);
    pool.take(1).giveBack('answered');
    expect(pool.delayMs(1)).toBe(1_002);
  });

  it('don’t count against fewer permits in circulation for longer than until a probe is answered', () => {
    const pool = poolOf(100);
    for (const permit of takeAll(pool, 50)) permit.giveBack('unanswered');
    pool.setLimit(100, 5);
    now += 1;
    expect(waitFor(pool)).toBeLessThan(10_000);
    pool.take(1).giveBack('unanswered');
    // The next probe is not let go before its time.
    expect(pool.delayMs(1)).toBe(1_000);
    now += 1_000;
    const probe = pool.take(1);
    expect(waitFor(pool)).toBe(Number.POSITIVE_INFINITY);
    probe.giveBack('answered');
    now += 1_002;
    expect(pool.delayMs(5)).toBe(0);
  });

  it('leave a probe for requests that others have permits reserved before', () => {
    const pool = poolOf(500);
    pool.setLimit(500, 200);
    for (const permit of takeAll(pool, 199)) permit.giveBack('unanswered');
    now += 10_000;
    expect(pool.delayMs(1, 1)).toBe(0);
  });

  it('are written off for a probe, and no more of them than it takes', () => {
    const pool = poolOf(8);
    for (const permit of takeAll(pool, 8)) permit.giveBack('unanswered');
    expect(pool.delayMs(2)).toBe(30_000);
    now += 30_000;
    pool.take(2).giveBack('unused');
    // Two are there for the next probe, which is let go as probes are: four of them in 16 s, or two that cost two.
    expect([pool.delayMs(1), pool.delayMs(2), pool.delayMs(3)]).toEqual([4_000, 8_000, 30_000]);
  });

  it('of batches that cost more than is allowed count with their whole cost, so that no more than the limit are silent', () => {
    const pool = poolOf(500);
    pool.setLimit(500, 5);
    pool.take(400).giveBack('unanswered');
    expect(waitFor(pool, 400, 20_000)).toBe(Number.POSITIVE_INFINITY);
  });

  it('keep others in the pool for a second after an answer that proves nothing about them', () => {
    const pool = poolOf(8);
    const [first, ...others] = takeAll(pool, 7);
    now += 10;
    for (const permit of others) permit.giveBack('unanswered');
    now += 10;
    first!.giveBack('answered');
    now += 2;
    expect(pool.delayMs(1)).toBe(1_000);
    now += 1_000.1;
    // Then probes go, one in four seconds; the last of the seven went as one.
    expect(pool.delayMs(1)).toBeCloseTo(4_000 - 1_022.1);
  });
});

describe('credit', () => {
  /** Answers so many requests with that round trip, over some time. */
  function answer(pool: PermitPool, count: number, roundTripMs: number, overMs = 1_000): void {
    for (let index = 0; index < count; index++) {
      const permit = pool.take(1);
      now += roundTripMs;
      permit.giveBack('answered');
      now += Math.max(0, overMs / count - roundTripMs);
    }
  }

  it('is half of the least round trip of the last ten seconds, once there have been 500', () => {
    const pool = poolOf(1_000, true);
    // The first only begins it.
    answer(pool, 500, 40, 20_000);
    expect(pool.creditMs).toBe(0);
    answer(pool, 1, 40, 900);
    expect(pool.creditMs).toBe(20);
    answer(pool, 1, 10, 900);
    expect(pool.creditMs).toBe(5);
    for (let second = 0; second < 8; second++) answer(pool, 10, 30);
    expect(pool.creditMs).toBe(5);
    answer(pool, 30, 30, 3_000);
    expect(pool.creditMs).toBe(15);
    now += 60_000;
    expect(pool.creditMs).toBe(0);
  });

  it('is 150 ms at most', () => {
    const pool = poolOf(1_000, true);
    answer(pool, 501, 299);
    expect(pool.creditMs).toBe(149.5);
    answer(pool, 60, 400);
    expect(pool.creditMs).toBe(150);
  });

  it('begins anew after a second without an answer, with later requests', () => {
    const pool = poolOf(1_000, true);
    answer(pool, 501, 40, 10_000);
    now += 960;
    answer(pool, 1, 40);
    expect(pool.creditMs).toBe(20);
    // They were all held up by the same thing.
    const heldUp = takeAll(pool, 700);
    now += 12_000;
    for (const permit of heldUp) permit.giveBack('answered');
    expect(pool.creditMs).toBe(0);
    answer(pool, 499, 100, 10_000);
    expect(pool.creditMs).toBe(0);
    answer(pool, 1, 100);
    expect(pool.creditMs).toBe(50);
  });

  it('frees a permit earlier, and is lost if no request takes it then', () => {
    const pool = poolOf(1_000, true);
    answer(pool, 501, 100);
    const all = pool.take(1_000);
    now += 100;
    all.giveBack('answered');
    expect(pool.delayMs(1)).toBe(1_002 - 50);
    now += 960;
    expect(pool.delayMs(1)).toBe(0);
    pool.credit = false;
    expect(pool.delayMs(1)).toBeCloseTo(42);
    expect(pool.creditMs).toBe(0);
  });
});

it('a pool remembers round trips for ten seconds, whether or not credit is asked for', () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const pool = poolOf(10);
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  for (let second = 0; second < 500_000; second++) {
    now += 600;
    pool.delayMs(1);
    pool.take(1).giveBack('answered');
    now += 400;
  }
  collectGarbage();
  const kept = process.memoryUsage().heapUsed - before;
  expect(pool.creditMs).toBe(0);
  expect(kept).toBeLessThan(5_000_000);
});

describe('the pace of permits', () => {
  it('allows a burst of 14 % of the limit, then one permit an interval', () => {
    const pool = poolOf(500);
    let burst = 0;
    while (pool.delayMs(1) === 0) {
      pool.take(1);
      burst += 1;
    }
    expect(burst).toBe(70);
    expect(waitFor(pool)).toBeCloseTo(2, 0);
    expect(pool.intervalMs).toBe(2);
  });

  it('has its whole burst for permits that come back at once', () => {
    const pool = poolOf(500);
    const permits = takeAll(pool, 500);
    now += 5_000;
    for (const permit of permits) permit.giveBack('answered');
    now += 1_002;
    let burst = 0;
    for (; pool.delayMs(1) === 0; burst++) pool.take(1);
    expect(burst).toBe(70);
  });

  it('has a request wait longer that costs more', () => {
    const pool = poolOf(500);
    for (let taken = 0; taken < 70; taken++) pool.take(1);
    pool.take(25);
    expect(waitFor(pool)).toBeCloseTo(52, 0);
  });

  it('goes on faster at once when more permits are allowed, and not later when fewer are', () => {
    const pool = poolOf(500);
    pool.setLimit(500, 10);
    takeAll(pool, 4);
    expect(pool.delayMs(1)).toBeCloseTo(400);
    pool.setLimit(500, 100);
    // The four don't use up the burst of fourteen.
    expect(pool.delayMs(1)).toBe(0);
    takeAll(pool, 12);
    expect(pool.delayMs(1)).toBeCloseTo(30);
    pool.setLimit(500, 50);
    expect(pool.delayMs(1)).toBeCloseTo(40);
  });

  it('has a burst of some permits at least, if that is asked for', () => {
    const pool = poolOf(500);
    pool.setLimit(500, 10, 4);
    takeAll(pool, 4);
    expect(pool.delayMs(1)).toBeCloseTo(100);
    pool.setLimit(500, 500, 4);
    takeAll(pool, 35);
    expect(pool.delayMs(1)).toBe(0);
  });
});
