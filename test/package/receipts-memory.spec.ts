import { expect, it } from '@jest/globals';
import { join } from 'node:path';
import { exec } from '../support/exec.js';

/** In a process of its own, since a test runner's memory is its own business. */
it('a million receipts, and a million that are refused, leave the memory as it was', async () => {
  const script = join(import.meta.dirname, 'receipts-memory.mjs');
  const printed = await exec(process.execPath, ['--expose-gc', script], {
    cwd: join(import.meta.dirname, '../..'),
  });
  const { held, counts } = JSON.parse(printed) as { held: number[]; counts: Record<string, number> };
  expect(counts).toEqual({ confirmed: 1_000_000, not_awaited: 1_000_000 });
  // By a third of them, as much is kept as is ever kept.
  const [third = 0, last = Number.POSITIVE_INFINITY] = [held[3], held.at(-1)];
  expect(last - third).toBeLessThan(3);
  expect(last).toBeLessThan(120);
});
