import { describe, expect, it } from '@jest/globals';
import { AdaptiveLimit, type SentRequest } from '../../lib/quota/adaptive-limit.js';

describe('an adaptive limit', () => {
  const sent = (takenAt: number, more: Partial<SentRequest> = {}): SentRequest => ({
    takenAt,
    permits: 1,
    recipients: 1,
    isAlone: false,
    ...more,
  });
  /** One that has accepted so many within the last second before `now`. */
  const busy = (limit: number, accepted: number, now: number): AdaptiveLimit => {
    const adaptive = new AdaptiveLimit(limit);
    for (let index = 0; index < accepted; index++) adaptive.accepted(sent(now - 900), now - 900 + index / 10);
    return adaptive;
  };

  it('allows all until something is refused, few at a time until something is accepted', () => {
    const adaptive = new AdaptiveLimit(100);
    expect([adaptive.allowed, adaptive.chunkSize, adaptive.isReduced]).toEqual([
      100,
      Number.POSITIVE_INFINITY,
      false,
    ]);
    expect(adaptive.maxInFlight).toBe(8);
    adaptive.accepted(sent(0), 1);
    expect(adaptive.maxInFlight).toBe(Number.POSITIVE_INFINITY);
    expect(adaptive.pauseMs(1)).toBe(0);
  });

  it('allows after a refusal and a pause as much as was accepted in the last second', () => {
    const adaptive = busy(100, 60, 10_000);
    adaptive.refused(sent(9_990), 0, 10_000);
    expect([adaptive.allowed, adaptive.isReduced, adaptive.estimate]).toEqual([60, true, undefined]);
    expect(adaptive.pauseMs(10_000)).toBe(300);
    expect(adaptive.pauseMs(10_299)).toBe(1);
    expect(adaptive.pauseMs(10_300)).toBe(0);
  });

  it('decreases even if as much was accepted as was allowed', () => {
    const adaptive = busy(100, 100, 10_000);
    adaptive.refused(sent(9_990), 0, 10_000);
    expect(adaptive.allowed).toBe(95);
  });

  it('waits as long as the service asks, also when it has just decreased', () => {
    const adaptive = busy(100, 60, 10_000);
    adaptive.refused(sent(9_990), 2_000, 10_000);
    expect(adaptive.pauseMs(10_000)).toBe(2_000);
    adaptive.refused(sent(9_991), 5_000, 10_001);
    expect(adaptive.pauseMs(10_001)).toBe(5_000);
    adaptive.refused(sent(9_992), 1_000, 10_002);
    expect(adaptive.pauseMs(10_002)).toBe(4_999);
  });

  it('decreases once for all requests that were sent before the decrease', () => {
    const adaptive = busy(100, 60, 10_000);
    for (let index = 0; index < 20; index++) adaptive.refused(sent(9_990 + index / 10), 0, 10_000 + index);
    expect(adaptive.allowed).toBe(60);
    for (let index = 0; index < 50; index++) adaptive.accepted(sent(10_400), 10_405);
    adaptive.refused(sent(10_401), 0, 10_410);
    expect(adaptive.allowed).toBe(50);
  });

  it('counts what was accepted during the round trip of the refused request', () => {
    const adaptive = busy(100, 60, 10_000);
    adaptive.refused(sent(9_700), 0, 10_280);
    expect(adaptive.allowed).toBe(60);
    const quick = busy(100, 60, 10_000);
    quick.accepted(sent(10_279), 10_279);
    quick.refused(sent(10_275), 0, 10_280);
    expect(quick.allowed).toBe(1);
  });

  it('probes for more after an interval, which becomes longer with each refused probe, and goes back', () => {
    const adaptive = busy(100, 60, 10_000);
    adaptive.refused(sent(9_990), 0, 10_000);
    let now = 10_000;
    for (const waitMs of [10_000, 20_000, 40_000, 60_000, 60_000]) {
      adaptive.accepted(sent(now + waitMs - 200), now + waitMs - 100);
      adaptive.update(now + waitMs - 1);
      expect(adaptive.allowed).toBe(60);
      now += waitMs;
      adaptive.update(now);
      expect(adaptive.allowed).toBe(63);
      adaptive.refused(sent(now), 0, now + 5);
      expect(adaptive.allowed).toBe(60);
      now += 5;
    }
    expect(adaptive.estimate).toEqual({ permitsPerSecond: 60 });
  });

  it('increases every two seconds while nothing is refused, by one at least, and forgets the earlier refusals', () => {
    const adaptive = busy(100, 10, 10_000);
    adaptive.refused(sent(9_990), 0, 10_000);
    adaptive.update(20_000);
    expect(adaptive.allowed).toBe(11);
    adaptive.update(21_999);
    expect(adaptive.allowed).toBe(11);
    adaptive.update(24_000);
    expect(adaptive.allowed).toBe(13);
    adaptive.accepted(sent(24_500), 24_500);
    adaptive.refused(sent(24_500), 0, 24_510);
    expect(adaptive.allowed).toBe(12);
    adaptive.update(34_510);
    expect(adaptive.allowed).toBe(13);
    adaptive.update(10_000_000);
    expect([adaptive.allowed, adaptive.isReduced]).toEqual([100, false]);
  });

  it('sends one at a time while nothing is accepted, and doubles up to what was allowed before', () => {
    const adaptive = new AdaptiveLimit(100);
    adaptive.accepted(sent(0), 1);
    adaptive.refused(sent(5_000), 0, 5_010);
    expect([adaptive.allowed, adaptive.maxInFlight, adaptive.pauseMs(5_010)]).toEqual([50, 1, 1_000]);
    adaptive.update(100_000);
    expect(adaptive.allowed).toBe(50);
    adaptive.refused(sent(6_010), 0, 6_020);
    expect([adaptive.allowed, adaptive.pauseMs(6_020)]).toEqual([25, 1_000]);
    adaptive.accepted(sent(7_020), 7_030);
    expect([adaptive.allowed, adaptive.maxInFlight]).toEqual([1, Number.POSITIVE_INFINITY]);
    for (const [now, allowed] of [
      [7_529, 1],
      [7_530, 2],
      [8_030, 4],
      [8_530, 8],
      [9_030, 16],
      [9_530, 32],
      [10_030, 64],
      [10_530, 100],
    ] as const) {
      adaptive.update(now);
      expect(adaptive.allowed).toBe(allowed);
    }
  });

  it('collapses when nothing sent after a decrease is accepted', () => {
    const adaptive = busy(100, 60, 10_000);
    adaptive.refused(sent(9_990), 0, 10_000);
    adaptive.accepted(sent(9_995), 10_050);
    adaptive.refused(sent(10_300), 0, 10_310);
    expect([adaptive.allowed, adaptive.maxInFlight]).toEqual([30, 1]);
  });

  it('estimates that nothing is allowed once nothing was accepted for 15 seconds', () => {
    const adaptive = new AdaptiveLimit(100);
    adaptive.refused(sent(10_000), 0, 10_010);
    adaptive.refused(sent(20_000), 0, 25_009);
    expect(adaptive.estimate).toBeUndefined();
    adaptive.refused(sent(25_009), 0, 25_010);
    expect(adaptive.estimate).toEqual({ permitsPerSecond: 0 });
    adaptive.accepted(sent(26_000), 26_010);
    expect(adaptive.estimate).toBeUndefined();
  });

  it('goes down to one request in eight seconds', () => {
    const adaptive = new AdaptiveLimit(4);
    let now = 0;
    for (let refusal = 0; refusal < 20; refusal++) {
      adaptive.refused(sent(now, { isAlone: true }), 0, now + 1);
      now += 1 + adaptive.pauseMs(now + 1);
    }
    expect(adaptive.allowed).toBe(1 / 8);
    expect(adaptive.pauseMs(now - 8_000)).toBeCloseTo(8_000);
    adaptive.accepted(sent(now), now + 1);
    expect(adaptive.allowed).toBe(1 / 8);
    adaptive.update(now + 1_001);
    expect(adaptive.allowed).toBe(1 / 2);
  });

  it('halves the request that is refused though it was alone, once it is clear that nothing is accepted', () => {
    const adaptive = new AdaptiveLimit(500);
    const large = { recipients: 601, isAlone: true };
    adaptive.refused(sent(0, large), 0, 1);
    expect([adaptive.chunkSize, adaptive.allowed]).toEqual([Number.POSITIVE_INFINITY, 250]);
    adaptive.refused(sent(1_001, { ...large, isAlone: false }), 0, 1_002);
    expect([adaptive.chunkSize, adaptive.allowed]).toEqual([Number.POSITIVE_INFINITY, 125]);
    adaptive.refused(sent(2_002, large), 0, 2_003);
    expect([adaptive.chunkSize, adaptive.allowed]).toEqual([301, expect.closeTo(19.97)]);
    adaptive.refused(sent(3_003, { recipients: 301, isAlone: true }), 0, 3_004);
    expect(adaptive.chunkSize).toBe(151);
    // Smaller than what is allowed by now: it is the smaller one that is too large.
    adaptive.refused(sent(4_004, { recipients: 9, isAlone: true }), 0, 4_005);
    expect(adaptive.chunkSize).toBe(5);
    adaptive.refused(sent(5_005, { recipients: 1, isAlone: true }), 0, 5_006);
    expect([adaptive.chunkSize, adaptive.allowed]).toEqual([3, 15]);
  });

  it('allows many small requests instead of few large ones, for the same recipients a second', () => {
    const adaptive = new AdaptiveLimit(500);
    for (let index = 0; index < 3; index++)
      adaptive.accepted(sent(9_500, { recipients: 200 }), 9_510 + index);
    adaptive.refused(sent(9_990, { recipients: 200 }), 0, 10_000);
    expect([adaptive.chunkSize, adaptive.allowed]).toEqual([25, expect.closeTo(22.8)]);
    adaptive.update(10_999);
    expect(adaptive.chunkSize).toBe(25);
    adaptive.update(11_000);
    expect([adaptive.chunkSize, adaptive.allowed]).toEqual([50, expect.closeTo(22.8)]);
  });

  it('does not shrink chunks that are many, or small already', () => {
    const many = new AdaptiveLimit(500);
    for (let index = 0; index < 10; index++) many.accepted(sent(9_500, { recipients: 200 }), 9_510 + index);
    many.refused(sent(9_990, { recipients: 200 }), 0, 10_000);
    expect(many.chunkSize).toBe(Number.POSITIVE_INFINITY);
    const small = new AdaptiveLimit(500);
    for (let index = 0; index < 3; index++) small.accepted(sent(9_500, { recipients: 1 }), 9_510 + index);
    small.refused(sent(9_990, { recipients: 1 }), 0, 10_000);
    expect([small.chunkSize, small.allowed]).toEqual([Number.POSITIVE_INFINITY, 3]);
  });

  it('keeps the permits of a recipient when chunks become smaller, where each costs one', () => {
    const adaptive = new AdaptiveLimit(5_000);
    for (let index = 0; index < 3; index++) {
      adaptive.accepted(sent(9_500, { recipients: 200, permits: 200 }), 9_510 + index);
    }
    adaptive.refused(sent(9_990, { recipients: 200, permits: 200 }), 0, 10_000);
    expect(adaptive.chunkSize).toBe(25);
    expect(adaptive.allowed).toBeCloseTo(570);
  });

  it('lets chunks grow again where there are many of them', () => {
    const adaptive = new AdaptiveLimit(500);
    for (let index = 0; index < 3; index++)
      adaptive.accepted(sent(9_500, { recipients: 200 }), 9_510 + index);
    adaptive.refused(sent(9_990, { recipients: 200 }), 0, 10_000);
    adaptive.update(11_499);
    expect([adaptive.chunkSize, adaptive.allowed]).toEqual([50, expect.closeTo(22.8)]);
    adaptive.update(11_500);
    expect([adaptive.chunkSize, adaptive.allowed]).toEqual([100, expect.closeTo(22.8)]);
    adaptive.update(12_000);
    expect([adaptive.chunkSize, adaptive.allowed]).toEqual([200, expect.closeTo(22.8)]);
    expect(adaptive.isReduced).toBe(true);
    adaptive.update(100_000);
    expect([adaptive.allowed, adaptive.chunkSize]).toEqual([500, Number.POSITIVE_INFINITY]);
  });

  describe('that tries smaller chunks', () => {
    const large = { recipients: 200 };
    /** Three large requests a second were accepted, and one more was refused at 10,000. */
    const begin = (): AdaptiveLimit => {
      const adaptive = new AdaptiveLimit(500);
      for (let index = 0; index < 3; index++) adaptive.accepted(sent(9_500, large), 9_510 + index);
      adaptive.refused(sent(9_990, large), 0, 10_000);
      expect([adaptive.chunkSize, adaptive.allowed]).toEqual([25, expect.closeTo(22.8)]);
      return adaptive;
    };
    const accept = (adaptive: AdaptiveLimit, count: number, recipients: number, at: number): void => {
      for (let index = 0; index < count; index++) adaptive.accepted(sent(at - 10, { recipients }), at);
    };

    it('waits for a second of them before it judges them', () => {
      const adaptive = begin();
      accept(adaptive, 10, 30, 10_400);
      adaptive.refused(sent(10_500, { recipients: 30 }), 0, 10_510);
      // Of what was accepted within the last second, three were large.
      expect([adaptive.chunkSize, adaptive.allowed]).toEqual([25, expect.closeTo(22.8 * 0.95)]);
      adaptive.update(11_509);
      expect(adaptive.allowed).toBeCloseTo(22.8 * 0.95);
      adaptive.update(11_510);
      expect(adaptive.allowed).toBeCloseTo(22.8 * 0.95 * 1.05);
    });

    it('keeps them if they take as many recipients', () => {
      const adaptive = begin();
      accept(adaptive, 19, 30, 11_000);
      adaptive.refused(sent(11_001, { recipients: 30 }), 0, 11_010);
      expect([adaptive.chunkSize, adaptive.allowed]).toEqual([25, expect.closeTo(22.8 * 0.95)]);
      // One trial has been refused, so that the next is made ten seconds later.
      adaptive.update(21_009);
      expect(adaptive.allowed).toBeCloseTo(22.8 * 0.95);
      adaptive.update(21_010);
      expect(adaptive.allowed).toBeGreaterThan(22.7);
      accept(adaptive, 19, 30, 21_500);
      adaptive.refused(sent(21_500, { recipients: 30 }), 0, 21_510);
      expect(adaptive.estimate).toEqual({ permitsPerSecond: 21.7, chunkSize: 25 });
    });

    it('goes back to large ones if they take fewer, and tries them no more', () => {
      const adaptive = begin();
      accept(adaptive, 11, 30, 11_000);
      adaptive.refused(sent(11_001, { recipients: 30 }), 0, 11_010);
      expect([adaptive.chunkSize, adaptive.allowed]).toEqual([Infinity, 11]);
      accept(adaptive, 3, 200, 12_100);
      adaptive.refused(sent(12_101, large), 0, 12_110);
      expect(adaptive.chunkSize).toBe(Infinity);
      // Once it has its whole limit again, it may.
      adaptive.update(1_000_000);
      expect(adaptive.isReduced).toBe(false);
      accept(adaptive, 3, 200, 1_000_000);
      adaptive.refused(sent(1_000_001, large), 0, 1_000_010);
      expect(adaptive.chunkSize).toBe(25);
    });

    it('goes back to large ones also after it has allowed more of them', () => {
      const adaptive = begin();
      adaptive.update(11_000);
      accept(adaptive, 11, 30, 12_000);
      adaptive.refused(sent(12_001, { recipients: 30 }), 0, 12_010);
      expect(adaptive.chunkSize).toBe(Infinity);
    });

    it('keeps them if they carry little less than the large ones', () => {
      const adaptive = begin();
      accept(adaptive, 12, 30, 11_000);
      adaptive.refused(sent(11_001, { recipients: 30 }), 0, 11_010);
      expect(adaptive.chunkSize).toBe(13);
    });

    it('lets them grow back to the whole, however often they became smaller', () => {
      const adaptive = begin();
      accept(adaptive, 2, 30, 12_000);
      accept(adaptive, 1, 400, 12_000);
      adaptive.refused(sent(12_010, { recipients: 30 }), 0, 12_020);
      expect(adaptive.chunkSize).toBe(13);
      adaptive.update(1_000_000);
      expect([adaptive.allowed, adaptive.chunkSize]).toEqual([500, Infinity]);
      expect(adaptive.isReduced).toBe(false);
    });
  });

  it('does not end a trial by a refusal of an earlier request', () => {
    const adaptive = busy(100, 60, 10_000);
    adaptive.refused(sent(9_990), 0, 10_000);
    for (let index = 0; index < 50; index++) adaptive.accepted(sent(19_900), 19_950);
    adaptive.update(20_000);
    expect(adaptive.allowed).toBe(63);
    adaptive.refused(sent(19_999), 0, 20_010);
    expect(adaptive.allowed).toBe(50);
  });

  it('goes on by small steps once it has its value from before the outage', () => {
    const adaptive = busy(100, 60, 10_000);
    adaptive.refused(sent(9_990), 0, 10_000);
    adaptive.refused(sent(10_400), 0, 10_410);
    expect([adaptive.allowed, adaptive.maxInFlight]).toEqual([30, 1]);
    adaptive.accepted(sent(11_420), 11_430);
    const steps = [2, 4, 8, 16, 32, 60].map((allowed, index) => [allowed, 11_930 + index * 500] as const);
    for (const [allowed, at] of steps) {
      adaptive.update(at - 1);
      expect(adaptive.allowed).toBeLessThan(allowed);
      adaptive.update(at);
      expect(adaptive.allowed).toBe(allowed);
    }
    adaptive.update(14_929);
    expect(adaptive.allowed).toBe(60);
    adaptive.update(14_930);
    expect(adaptive.allowed).toBe(63);
    adaptive.update(16_929);
    expect(adaptive.allowed).toBe(63);
  });

  it('lets chunks that cost as much as they have recipients grow with the rate', () => {
    const adaptive = new AdaptiveLimit(5_000);
    const costly = { recipients: 200, permits: 200 };
    for (let index = 0; index < 3; index++) adaptive.accepted(sent(9_500, costly), 9_510 + index);
    adaptive.refused(sent(9_990, costly), 0, 10_000);
    adaptive.update(11_000);
    expect([adaptive.chunkSize, adaptive.allowed]).toEqual([50, expect.closeTo(1_140)]);
    adaptive.update(11_500);
    expect([adaptive.chunkSize, adaptive.allowed]).toEqual([100, expect.closeTo(2_280)]);
    adaptive.update(12_000);
    expect([adaptive.chunkSize, adaptive.allowed]).toEqual([200, expect.closeTo(4_560)]);
  });

  it('takes the size of a refused probe for a guess: an accepted one has whole chunks tried again', () => {
    const adaptive = new AdaptiveLimit(500);
    const large = { recipients: 600, isAlone: true };
    adaptive.refused(sent(0, large), 0, 1);
    adaptive.refused(sent(1_001, large), 0, 1_002);
    expect(adaptive.chunkSize).toBe(300);
    adaptive.accepted(sent(2_002, { recipients: 300 }), 2_010);
    expect([adaptive.chunkSize, adaptive.allowed]).toEqual([Infinity, 1]);
    // The one that is refused shows that recipients count.
    adaptive.refused(sent(2_011, large), 0, 2_020);
    expect([adaptive.chunkSize, adaptive.allowed]).toEqual([10, expect.closeTo(28.5)]);
    adaptive.update(3_019);
    expect(adaptive.allowed * adaptive.chunkSize).toBeCloseTo(285);
    adaptive.update(3_020);
    expect(adaptive.allowed * adaptive.chunkSize).toBeCloseTo(570);
    // A second outage changes neither that nor the rate that is reached again.
    adaptive.accepted(sent(3_100, { recipients: 38 }), 3_110);
    adaptive.refused(sent(5_000, { recipients: 38 }), 0, 5_010);
    expect([adaptive.maxInFlight, adaptive.chunkSize]).toEqual([1, 10]);
    adaptive.refused(sent(6_100, { recipients: 10, isAlone: true }), 0, 6_110);
    expect(adaptive.chunkSize).toBe(5);
    adaptive.accepted(sent(7_200, { recipients: 5 }), 7_210);
    expect([adaptive.maxInFlight, adaptive.chunkSize, adaptive.allowed]).toEqual([Infinity, 1, 5]);
    adaptive.update(11_209);
    expect(adaptive.allowed * adaptive.chunkSize).toBeCloseTo(570);
  });

  it('is not taken for well by an answer that is no acceptance while nothing is accepted', () => {
    const adaptive = new AdaptiveLimit(100);
    adaptive.answered();
    expect(adaptive.maxInFlight).toBe(Infinity);
    adaptive.refused(sent(0), 0, 1);
    adaptive.answered();
    expect(adaptive.maxInFlight).toBe(1);
  });

  it('sends no more requests than the limit has, however few these are', () => {
    const adaptive = new AdaptiveLimit(5);
    for (let index = 0; index < 3; index++) adaptive.accepted(sent(9_500, { recipients: 200 }), 9_510);
    adaptive.refused(sent(9_990, { recipients: 200 }), 0, 10_000);
    // 570 recipients a second.
    expect([adaptive.chunkSize, adaptive.allowed, adaptive.isReduced]).toEqual([100, 5, true]);
    adaptive.setLimit(400);
    expect([adaptive.chunkSize, adaptive.allowed]).toEqual([25, expect.closeTo(22.8)]);
  });

  it('forgets refusals as a new process would', () => {
    const adaptive = new AdaptiveLimit(100);
    const large = { recipients: 600, isAlone: true };
    adaptive.refused(sent(0, large), 60_000, 1);
    adaptive.refused(sent(1_001, large), 0, 1_002);
    adaptive.forget();
    expect(adaptive).toMatchObject({ allowed: 100, chunkSize: Infinity, maxInFlight: 8, isReduced: false });
    expect(adaptive.pauseMs(1_002)).toBe(0);
    adaptive.update(1_000_000);
    adaptive.accepted(sent(1_000_000), 1_000_001);
    adaptive.forget();
    expect(adaptive.maxInFlight).toBe(Infinity);
    expect(adaptive.allowed).toBe(100);
  });

  it('emits its estimate once, and again when the service has refused everything or accepts something', () => {
    const told: unknown[] = [];
    const adaptive = new AdaptiveLimit(100, (estimate) => told.push(estimate));
    adaptive.update(0);
    adaptive.accepted(sent(0), 1);
    for (let now = 10_000; now < 30_000; now += 2_000) {
      adaptive.refused(sent(now), 0, now + 1);
      adaptive.update(now + 2);
    }
    expect(told).toEqual([{ permitsPerSecond: 0 }]);
    adaptive.accepted(sent(30_000), 30_001);
    adaptive.update(30_002);
    expect(told).toHaveLength(1);
    adaptive.update(1_000_000);
    expect(told).toEqual([{ permitsPerSecond: 0 }, undefined]);
    adaptive.update(1_000_001);
    expect(told).toHaveLength(2);
  });

  it('follows a changed limit, and is never above it', () => {
    const adaptive = busy(100, 60, 10_000);
    adaptive.setLimit(200);
    expect(adaptive.allowed).toBe(200);
    adaptive.refused(sent(9_990), 0, 10_000);
    adaptive.setLimit(300);
    expect(adaptive.allowed).toBe(60);
    adaptive.setLimit(20);
    expect([adaptive.allowed, adaptive.isReduced]).toEqual([20, false]);
  });
});
