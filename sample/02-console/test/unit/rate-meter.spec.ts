import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RateMeter, type RatePoint, SPAN_MS } from '../../src/console/rate/rate-meter.js';

describe('the rate meter of the console', () => {
  const START = 1_800_000_000_000;
  const at = (points: readonly RatePoint[], time: number): RatePoint | undefined =>
    points.find(([point]) => point === time);

  it('gives the last minute in steps of half a second, empty at first', () => {
    const points = new RateMeter(() => START + 499).series();
    expect(points).toHaveLength(121);
    expect([points[0], points.at(-1)]).toEqual([
      [START - SPAN_MS, 0, 0],
      [START, 0, 0],
    ]);
  });

  it('counts the requests of the second before each point, and those that were refused', () => {
    const meter = new RateMeter(() => START + 2_000);
    meter.add(START, false);
    meter.add(START + 999, true);
    meter.add(START + 1_000, false);
    const points = meter.series();
    expect(at(points, START)).toEqual([START, 0, 0]);
    expect(at(points, START + 500)).toEqual([START + 500, 1, 0]);
    expect(at(points, START + 1_000)).toEqual([START + 1_000, 2, 1]);
    expect(at(points, START + 1_500)).toEqual([START + 1_500, 2, 1]);
    expect(at(points, START + 2_000)).toEqual([START + 2_000, 1, 0]);
  });

  it('counts each request once in whole seconds, whenever it is recorded', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 58_999 }), { maxLength: 200 }), (times) => {
        const meter = new RateMeter(() => START + 60_000);
        for (const time of times) meter.add(START + time, false);
        const wholeSeconds = meter.series().filter(([time]) => time % 1_000 === 0);
        expect(wholeSeconds.reduce((sum, [, requests]) => sum + requests, 0)).toBe(times.length);
      }),
    );
  });

  it('shows nothing of what is older', () => {
    let now = START;
    const meter = new RateMeter(() => now);
    meter.add(START - 100, false);
    expect(meter.series().at(-1)).toEqual([START, 1, 0]);
    now += 10 * SPAN_MS;
    expect(meter.series().every(([, requests]) => requests === 0)).toBe(true);
  });

  it('has bounded memory, though no one reads it', () => {
    let now = START;
    const meter = new RateMeter(() => now);
    for (; now < START + 3 * SPAN_MS; now += 100) meter.add(now, false);
    // What it still knows of the first minute, it would show if the clock went back.
    now = START + SPAN_MS;
    expect(meter.series().every(([, requests]) => requests === 0)).toBe(true);
  });

  it('ignores what began too long before it is recorded', () => {
    const meter = new RateMeter(() => START + 10 * SPAN_MS);
    meter.add(START + 10 * SPAN_MS - 100, false);
    for (let ago = 2 * SPAN_MS; ago < 4 * SPAN_MS; ago += 100) meter.add(START + 10 * SPAN_MS - ago, true);
    const points = meter.series();
    expect(points.at(-1)).toEqual([START + 10 * SPAN_MS, 1, 0]);
    expect(points.every(([, , refused]) => refused === 0)).toBe(true);
  });

  it('goes on counting when the clock was set back', () => {
    let now = START;
    const meter = new RateMeter(() => now);
    for (; now < START + 2 * SPAN_MS; now += 100) meter.add(now, false);
    now = START - 60 * SPAN_MS;
    meter.add(now - 100, true);
    expect(meter.series().at(-1)).toEqual([now, 1, 1]);
  });
});
