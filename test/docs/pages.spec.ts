import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { CLIENT_SDKS } from '../support/client-sdks.js';
import { exec } from '../support/exec.js';
import { anchorsIn, imagesIn, linksIn, nameOf, snippetsIn } from '../support/markdown.js';
import { STRICTEST } from '../support/strictest.js';
import { TEST_GLOBALS } from '../support/test-globals.js';

const ROOT = resolve(import.meta.dirname, '../..');
const FOLDER = join(ROOT, 'test/docs/page-snippets');

const names = await readdir(join(ROOT, 'docs'));
const pages = new Map(
  await Promise.all(
    [
      ...(await readdir(ROOT)).filter((name) => name.endsWith('.md')),
      ...names.filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`),
    ].map(async (name) => [name, await readFile(join(ROOT, name), 'utf8')] as const),
  ),
);

describe('the pages of the documentation', () => {
  beforeAll(() => rm(FOLDER, { recursive: true, force: true }));
  afterAll(() => rm(FOLDER, { recursive: true, force: true }));

  it('have TypeScript that compiles against the built package', async () => {
    let snippets = 0;
    for (const [name, text] of pages) {
      // The README's are compiled, and run, by a suite of their own.
      if (!name.startsWith('docs/')) continue;
      // Those of one subject import each other.
      const folder = join(FOLDER, name.slice(5, -3).replace(/^(durable-fan-out)-.*/, '$1'));
      await mkdir(folder, { recursive: true });
      for (const snippet of snippetsIn(text).filter(({ language }) => language === 'ts')) {
        await writeFile(join(folder, nameOf(snippet.text)), snippet.text);
        snippets += 1;
      }
    }
    expect(snippets).toBeGreaterThan(20);
    await writeFile(join(FOLDER, 'globals.d.ts'), TEST_GLOBALS);
    await writeFile(join(FOLDER, 'client-sdks.d.ts'), CLIENT_SDKS);
    await writeFile(
      join(FOLDER, 'tsconfig.json'),
      JSON.stringify({
        extends: '../../../tsconfig.json',
        compilerOptions: { ...STRICTEST, verbatimModuleSyntax: true, paths: {} },
        include: ['.'],
        exclude: [],
      }),
    );
    await exec('node', [join(ROOT, 'node_modules/typescript/bin/tsc')], { cwd: FOLDER });
  });

  it('link to files and headings that exist', async () => {
    const broken: string[] = [];
    let links = 0;
    for (const [name, text] of pages) {
      for (const link of [...linksIn(text), ...imagesIn(text)]) {
        if (/^https?:/.test(link)) continue;
        links += 1;
        const [path = '', anchor] = link.split('#');
        const target = path === '' ? name : join(dirname(name), path);
        const exists = await stat(join(ROOT, target)).then(
          () => true,
          () => false,
        );
        const page = pages.get(target);
        const lacksAnchor = anchor !== undefined && !(page && anchorsIn(page).includes(anchor));
        if (!exists || lacksAnchor) broken.push(`${name}: ${link}`);
      }
    }
    expect(links).toBeGreaterThan(100);
    expect(broken).toEqual([]);
  });

  it('have 10 KB at most each', () => {
    const sizes = [...pages].filter(([name]) => name.startsWith('docs/'));
    expect(sizes.length).toBeGreaterThan(15);
    const long = sizes.map(([name, text]) => [name, Buffer.byteLength(text)] as const);
    expect(long.filter(([, size]) => size > 10_240)).toEqual([]);
  });

  it('are all in the index, lead back to it, and say at their head that they are in English', () => {
    const index = pages.get('docs/README.md') ?? '';
    const listed = new Set(linksIn(index));
    for (const [name, text] of pages) {
      if (!name.startsWith('docs/') || name === 'docs/README.md') continue;
      expect([name, listed.has(name.slice(5))]).toEqual([name, true]);
      expect([name, text.split('\n')[2]]).toEqual([
        name,
        '[All pages](README.md) · in English only ([中文简介](../README_zh-CN.md))',
      ]);
    }
    expect(index.split('\n')[2]).toContain('in English');
  });
});
