import { expect, it } from '@jest/globals';
import { resolve } from 'node:path';
import { exec } from '../support/exec.js';

const ROOT = resolve(import.meta.dirname, '../..');

it('the lock file can be installed from in a fresh clone, on every platform', async () => {
  const args = ['ci', '--dry-run', '--offline', '--ignore-scripts', '--include=dev'];
  // It fails, and names what is missing, when the lock file lacks something that package.json leads to.
  await expect(exec('npm', args, { cwd: ROOT })).resolves.toBeDefined();
});
