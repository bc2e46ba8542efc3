import { expect, it } from '@jest/globals';
import { join } from 'node:path';
import { exec } from '../support/exec.js';

/** In a process of its own, since a test runner's memory is its own business; what is held, since garbage proves nothing. */
it('the emulator holds little more of bodies in chunks of a byte than what is in them', async () => {
  const script = join(import.meta.dirname, 'emulator-memory.mjs');
  const printed = await exec(process.execPath, ['--expose-gc', script], {
    cwd: join(import.meta.dirname, '../..'),
  });
  const { held, lengths } = JSON.parse(printed) as { held: number; lengths: number[] };
  expect(lengths).toEqual(Array(20).fill(50_000));
  // They are 1 MB. They took up 180 when each chunk was kept.
  expect(held).toBeLessThan(25);
});
