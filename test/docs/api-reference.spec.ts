import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { exec } from '../support/exec.js';

const ROOT = resolve(import.meta.dirname, '../..');

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rtc-api-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('the API reference has every entry, and a doc comment for every public member', async () => {
  const reference = join(folder, 'reference.json');
  // It fails, and says where, if a comment is missing, or a type that another one needs is not exported.
  await exec(process.execPath, [join(ROOT, 'node_modules/typedoc/bin/typedoc'), '--json', reference], {
    cwd: ROOT,
  });
  const { children: modules } = JSON.parse(await readFile(reference, 'utf8')) as {
    children: { name: string; children: unknown[] }[];
  };
  const { exports } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
    exports: Record<string, unknown>;
  };
  const entries = Object.keys(exports).filter((entry) => entry !== './package.json');
  expect(modules.map(({ name }) => name).sort()).toEqual(
    entries.map((entry) => (entry === '.' ? 'index' : entry.slice(2))).sort(),
  );
  for (const { name, children } of modules) expect([name, children.length > 0]).toEqual([name, true]);
});
