import { expect, it } from '@jest/globals';
import { join } from 'node:path';
import { exec } from '../support/exec.js';

interface Report {
  /** In MB: before, after each third of the events, after as many wrong ones. */
  readonly held: readonly number[];
  readonly statuses: Readonly<Record<string, number>>;
  readonly handled: number;
  /** Calls for the last event again, and for the first one again, which was forgotten. */
  readonly again: readonly number[];
  readonly lines: number;
  readonly count: number;
}

/** In a process of its own, since a test runner's memory is its own business. `node … 1000000` for a million of each. */
it('callbacks hold no more after many events and many wrong ones than after the first hundred thousand', async () => {
  const script = join(import.meta.dirname, 'callbacks-memory.mjs');
  const printed = await exec(process.execPath, ['--expose-gc', script], {
    cwd: join(import.meta.dirname, '../..'),
  });
  const { held, statuses, handled, again, lines, count } = JSON.parse(printed) as Report;
  expect(handled).toBe(count);
  expect(again).toEqual([0, 1]);
  // A tenth has a handler that fails. Wrong ones are an event and a message each.
  expect(statuses).toEqual({ 200: 0.9 * count, 500: 0.1 * count, 401: 2 * count });
  expect(lines).toBeLessThan(10);
  const [before = 0, first = 0, second = 0, ...later] = held;
  expect(first - before).toBeLessThan(80);
  // Maps have grown to their last size by then.
  expect(second - first).toBeLessThan(20);
  for (const mb of later) expect(mb - second).toBeLessThan(4);
}, 600_000);
