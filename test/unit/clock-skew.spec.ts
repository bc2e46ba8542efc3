import { beforeEach, describe, expect, it } from '@jest/globals';
import { ClockSkew } from '../../lib/redis/clock-skew.js';

describe("the skew of Redis's clock", () => {
  let skew: ClockSkew;
  beforeEach(() => {
    skew = new ClockSkew();
  });

  it('is as exact as the fastest answer, and places times late rather than early', () => {
    expect(skew.record(1_000, 501_040, 1_050)).toBe(true);
    expect(skew.roundTripMs).toBe(50);
    expect([skew.toLocal(501_040), skew.toServer(1_000)]).toEqual([1_050, 501_040]);
    skew.record(2_000, 502_001, 2_003);
    expect([skew.toLocal(502_000), skew.toServer(2_002)]).toEqual([2_002, 502_003]);
    // A slow answer moves nothing, but what clocks may have drifted by since.
    skew.record(3_000, 503_200, 3_400);
    expect(skew.toLocal(502_000)).toBeCloseTo(2_002 + 1.4, 1);
    skew.record(4_000, 504_001, 4_002);
    expect(skew.toLocal(502_000)).toBe(2_001);
  });

  it.each([-3_600_000, -400, 5, 400, 3_600_000])(
    'is inconsistent with what was known after a change by %i ms',
    (ms) => {
      for (let at = 0; at < 1_000; at += 100) expect(skew.record(at, at + 500_000, at + 1)).toBe(true);
      expect(skew.record(1_000, 501_000 + ms, 1_001)).toBe(false);
      // Then only what came after it counts.
      expect(skew.toLocal(501_000 + ms)).toBe(1_001);
      expect(skew.record(1_100, 501_100 + ms, 1_101)).toBe(true);
    },
  );

  it('may drift a little, by more the longer it was not measured', () => {
    skew.record(0, 500_000, 1);
    expect(skew.record(100, 500_102, 101)).toBe(true);
    expect(skew.toLocal(500_102)).toBe(101);
    expect(skew.record(60_100, 560_160, 60_101)).toBe(true);
    expect(skew.record(60_200, 560_210, 60_201)).toBe(false);
  });
});
