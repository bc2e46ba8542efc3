import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { exec } from '../support/exec.js';
import { anchorsIn, linksIn, nameOf, snippetsIn } from '../support/markdown.js';
import { STRICTEST } from '../support/strictest.js';

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
      const folder = join(FOLDER, name.slice(5, -3));
      await mkdir(folder, { recursive: true });
      for (const snippet of snippetsIn(text).filter(({ language }) => language === 'ts')) {
        await writeFile(join(folder, nameOf(snippet.text)), snippet.text);
        snippets += 1;
      }
    }
    expect(snippets).toBeGreaterThan(0);
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
  }, 60_000);

  it('link to files and headings that exist', async () => {
    const broken: string[] = [];
    let links = 0;
    for (const [name, text] of pages) {
      for (const link of linksIn(text)) {
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
    expect(links).toBeGreaterThan(5);
    expect(broken).toEqual([]);
  });
});
