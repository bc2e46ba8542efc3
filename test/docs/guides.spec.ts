import { expect, it } from '@jest/globals';
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { NEST_12_LIMITS } from '../support/known-limits.js';

const ROOT = resolve(import.meta.dirname, '../..');

it('the architecture has a paragraph for each folder under lib/', async () => {
  const entries = await readdir(join(ROOT, 'lib'), { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  expect(folders).toContain('openapi');
  const page = await readFile(join(ROOT, 'docs/architecture.md'), 'utf8');
  const described = new Set(Array.from(page.matchAll(/^### lib\/(\S+)\n\n\S/gm), ([, name]) => name));
  expect(folders.filter((name) => !described.has(name))).toEqual([]);
});

it('the page on compatibility names every limit that is known', async () => {
  const page = await readFile(join(ROOT, 'docs/compatibility.md'), 'utf8');
  for (const { why } of NEST_12_LIMITS) expect(page).toContain(why);
});
