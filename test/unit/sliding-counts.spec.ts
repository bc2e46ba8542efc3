import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SlidingCounts } from '../../lib/diagnostics/sliding-counts.js';

describe('the counts of a sliding window', () => {
  it('hold what happened within it, by kind, and say over how long', () => {
    const counts = new SlidingCounts<'a' | 'b'>(1_000);
    counts.add('a', 5_000);
    counts.add('a', 5_450);
    counts.add('b', 5_450);
    const read = counts.read(5_460);
    expect(read.counts).toEqual(
      new Map([
        ['a', 2],
        ['b', 1],
      ]),
    );
    expect(read.overMs).toBe(1_060);
    expect(counts.read(6_099).counts.get('a')).toBe(2);
    expect(counts.read(6_100).counts.get('a')).toBe(1);
    expect(counts.read(60_000).counts).toEqual(new Map());
  });

  it('are those of a list that keeps everything, whenever they are read', () => {
    const steps = fc.array(fc.record({ waitMs: fc.nat(400), kind: fc.constantFrom('a', 'b', undefined) }));
    fc.assert(
      fc.property(steps, (list) => {
        const counts = new SlidingCounts<'a' | 'b'>(1_000);
        const all: { kind: string; at: number }[] = [];
        let now = 0;
        for (const { waitMs, kind } of list) {
          now += waitMs;
          if (kind === 'a' || kind === 'b') {
            counts.add(kind, now);
            all.push({ kind, at: now });
          }
          const { counts: read, overMs } = counts.read(now);
          for (const kind of ['a', 'b'] as const) {
            const expected = all.filter((one) => one.kind === kind && one.at >= now - overMs).length;
            expect(read.get(kind) ?? 0).toBe(expected);
          }
        }
      }),
    );
  });
});
