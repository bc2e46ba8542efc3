import { expect, it } from '@jest/globals';
import { join } from 'node:path';
import { exec } from '../support/exec.js';

/** In a process of its own and with the built package, since a test runner's memory is its own business. */
it('10,000 sends over faults leave no timer, socket or listener, and memory is level', async () => {
  const report = JSON.parse(
    await exec('node', ['--expose-gc', join(import.meta.dirname, 'resources.mjs')], {
      cwd: join(import.meta.dirname, '../..'),
    }),
  ) as { grownBytes: number; listeners: number; left: string[]; outcomes: Record<string, number> };
  expect(Object.keys(report.outcomes).sort()).toEqual(
    expect.arrayContaining(['accepted', 'rejected', 'unknown']),
  );
  expect(Object.values(report.outcomes).reduce((sum, count) => sum + count)).toBe(10_000);
  expect(report.listeners).toBe(0);
  expect(report.left).toEqual([]);
  expect(report.grownBytes).toBeLessThan(5 * 1_048_576);
  // The process has ended by itself, or there would have been no report.
});
