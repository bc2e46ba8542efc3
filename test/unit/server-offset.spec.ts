import { describe, expect, it } from '@jest/globals';
import { LateAllowance, MAX_LATE_MS, MIN_LATE_MS } from '../../lib/redis/late-allowance.js';
import { ServerOffset } from '../../lib/redis/server-offset.js';

describe("the offset from Redis's clock", () => {
  it('is as exact as the fastest answer, however slow the others are', () => {
    const offset = new ServerOffset();
    offset.observe(1_000, 50_010, 1_040);
    expect(offset.uncertaintyMs).toBe(40);
    offset.observe(2_000, 51_000.5, 2_001);
    offset.observe(3_000, 52_100, 3_300);
    expect(offset.uncertaintyMs).toBe(1);
    // Redis's 60,000 is this process's 10,999.5 to 11,000.5.
    expect(offset.toLocal(60_000)).toBe(11_000.5);
    expect(offset.toServer(11_000)).toBe(60_000.5);
  });

  it('follows a clock that was set', () => {
    const offset = new ServerOffset();
    offset.observe(1_000, 50_000, 1_001);
    offset.observe(2_000, 90_000, 2_001);
    expect(offset.toLocal(90_000)).toBe(2_001);
  });

  it('forgets answers of long ago, since clocks drift', () => {
    const offset = new ServerOffset();
    offset.observe(0, 1_000, 0);
    for (let answer = 1; answer <= 16; answer++) offset.observe(answer, 1_000 + answer, answer + 2);
    expect(offset.uncertaintyMs).toBe(2);
  });
});

describe('how late a slot may be used', () => {
  const allowanceAfter = (lateness: (index: number) => number): number => {
    const allowance = new LateAllowance();
    for (let index = 0; index < 500; index++) allowance.observe(lateness(index));
    return allowance.lateMs;
  };

  it('is little in a process that is in time', () => {
    expect(allowanceAfter(() => 0.3)).toBe(MIN_LATE_MS);
    // Losing one in 500 is cheaper than to allow 15 ms for all.
    expect(allowanceAfter((index) => (index === 7 ? 15 : 0.3))).toBe(MIN_LATE_MS);
  });

  it('is as much as is worth its price in one that is not', () => {
    expect(allowanceAfter((index) => (index % 10 === 0 ? 15 : 0.3))).toBe(15);
    expect(allowanceAfter((index) => index % 20)).toBe(19);
  });

  it('is never more than a burst would be', () => {
    expect(allowanceAfter((index) => index % 60)).toBeLessThanOrEqual(MAX_LATE_MS);
  });
});
