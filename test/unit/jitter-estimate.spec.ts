import { describe, expect, it } from '@jest/globals';
import { JitterEstimate, MAX_JITTER_MS, MIN_JITTER_MS } from '../../lib/quota/jitter-estimate.js';

function after(...roundTrips: readonly number[]): number {
  const estimate = new JitterEstimate();
  for (const roundTrip of roundTrips) estimate.observe(roundTrip);
  return estimate.jitterMs;
}
const times = (count: number, roundTrip: number): number[] => Array<number>(count).fill(roundTrip);

describe('the estimate of the jitter', () => {
  it('is a new one after 25 round trips, and again after as many', () => {
    const estimate = new JitterEstimate();
    const news = Array.from({ length: 75 }, (_none, index) => estimate.observe(index));
    expect(news.flatMap((isNew, index) => (isNew ? [index + 1] : []))).toEqual([25, 50, 75]);
  });

  it('is the spread of what was seen, in whatever order it came', () => {
    const spread = Array.from({ length: 25 }, (_none, index) => 500 + ((index * 7) % 25));
    expect(after(...spread)).toBe(24);
    expect(after(...times(24, 80), 20)).toBe(60);
  });

  it('leaves out as many of the slowest as a burst has room for', () => {
    expect(after(...times(488, 20), ...times(12, 900))).toBe(MIN_JITTER_MS);
    expect(after(...times(487, 20), ...times(13, 900))).toBe(880);
  });

  it('remembers 500 round trips', () => {
    expect(after(...times(25, 300), ...times(475, 320))).toBe(20);
    expect(after(...times(25, 300), ...times(500, 320))).toBe(MIN_JITTER_MS);
  });

  it('is never less nor more than can be believed', () => {
    expect([after(), after(...times(25, 20))]).toEqual([MIN_JITTER_MS, MIN_JITTER_MS]);
    expect(after(0, ...times(24, 5_000))).toBe(MAX_JITTER_MS);
  });
});
