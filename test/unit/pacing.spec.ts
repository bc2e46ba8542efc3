import { describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { seededRandom } from '../../lib/emulator/seeded-random.js';
import { Gcra } from '../../lib/quota/gcra.js';
import { paceFor } from '../../lib/quota/paced-rate.js';

/** The most arrivals in any half-open second, wherever it starts. Arrivals are sorted. */
function mostInAnySecond(arrivals: Float64Array): number {
  let most = 0;
  let first = 0;
  for (let last = 0; last < arrivals.length; last++) {
    while (arrivals[last]! - arrivals[first]! >= 1_000) first += 1;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

/** How a client is held up, and how requests are on their way, in one simulation. */
interface Weather {
  /** How long the client's event loop stands still, now and then. */
  readonly stallMs?: number;
  /** How long the client has nothing to send, now and then. */
  readonly pauseMs?: number;
  readonly jitterMs: number;
  /** Whether what is sent together is also delayed together, as by a pause of the server's. */
  readonly correlated?: boolean;
}

/** When requests arrive at the server, in milliseconds. */
function simulate(limit: number, slots: number, seed: number, weather: Weather): Float64Array {
  const random = seededRandom(seed);
  const { intervalMs, burst } = paceFor(limit, weather.jitterMs);
  const gcra = new Gcra(intervalMs, burst);
  const arrivals = new Float64Array(slots);
  let now = random() * 1_000;
  for (let slot = 0; slot < slots; slot++) {
    now += gcra.delayMs(now);
    // A timer is late by a little always, and by a stall sometimes.
    now += random() * 0.3;
    if (random() < 0.01) now += random() * (weather.stallMs ?? 0);
    gcra.take(now);
    const delay = weather.correlated
      ? // Everything that leaves during a pause of the server's arrives at its end.
        Math.max(0, weather.jitterMs - (now % 700))
      : random() * weather.jitterMs;
    arrivals[slot] = now + 5 + delay;
    if (random() < 0.002) now += random() * (weather.pauseMs ?? 0);
  }
  return arrivals.sort();
}

describe('the pace', () => {
  it.each<[string, Omit<Weather, 'jitterMs'>]>([
    ['a steady client', {}],
    ['a client whose event loop stands still', { stallMs: 60 }],
    ['a client with pauses, after which it uses its burst', { pauseMs: 2_000 }],
    ['all of that', { stallMs: 60, pauseMs: 2_000 }],
    ['a server that stands still itself', { stallMs: 60, pauseMs: 2_000, correlated: true }],
  ])('never exceeds the limit in any second: %s', (_what, weather) => {
    for (const limit of [1, 2, 3, 10, 100, 500, 3_000]) {
      for (const jitterMs of [0, 10, 30, 100, 500]) {
        for (let seed = 1; seed <= 3; seed++) {
          const arrivals = simulate(limit, 12_000, seed, { ...weather, jitterMs });
          expect(mostInAnySecond(arrivals)).toBeLessThanOrEqual(limit);
        }
      }
    }
  });

  it.each([
    // limit, jitter, share of the limit in the long run
    [500, 0, 0.97],
    [500, 10, 0.96],
    [500, 30, 0.94],
    [500, 100, 0.88],
    [10, 0, 0.99],
    [1, 10, 0.98],
  ])('spends a quota of %i, with %i ms of jitter, to %d at least', (limit, jitterMs, share) => {
    expect(1_000 / paceFor(limit, jitterMs).intervalMs / limit).toBeGreaterThanOrEqual(share);
  });

  it('is as the documentation has it, simulated over stalls, pauses and a server that stands still', async () => {
    const rows = [0, 10, 30, 100, 500].map((jitterMs) => {
      const { intervalMs } = paceFor(500, jitterMs);
      const most = [1, 2, 3].map((seed) =>
        mostInAnySecond(
          simulate(500, 60_000, seed, { jitterMs, stallMs: 60, pauseMs: 2_000, correlated: true }),
        ),
      );
      const pace = 1_000 / intervalMs;
      return `| ${jitterMs} ms | ${pace.toFixed(1)} | ${(pace / 5).toFixed(1)} % | ${Math.max(...most)} |`;
    });
    const documentation = await readFile(join(import.meta.dirname, '../../docs/pacing.md'), 'utf8');
    // The formatter aligns the columns.
    const unaligned = documentation.replaceAll(/ +\|/g, ' |');
    for (const row of rows) expect(unaligned).toContain(row);
  });

  it('is not too careful: with the worst jitter there is, the limit is reached', () => {
    const most = Math.max(
      ...[1, 2, 3].map((seed) =>
        mostInAnySecond(simulate(500, 60_000, seed, { jitterMs: 100, pauseMs: 2_000, correlated: true })),
      ),
    );
    expect(most).toBeGreaterThan(480);
  });
});
