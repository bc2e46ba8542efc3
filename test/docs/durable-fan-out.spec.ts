import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { exec } from '../support/exec.js';
import { STRICTEST } from '../support/strictest.js';

const ROOT = resolve(import.meta.dirname, '../..');
/** Inside the project, so that its packages and its own name can be imported as a user would. */
const FOLDER = join(ROOT, 'test/docs/snippets-durable-fan-out');

const PAGES = ['durable-fan-out', 'durable-fan-out-ledger', 'durable-fan-out-operating'];

describe('the pages on durable fan-outs', () => {
  let page = '';
  beforeAll(async () => {
    const pages = PAGES.map((name) => readFile(join(ROOT, `docs/${name}.md`), 'utf8'));
    page = (await Promise.all(pages)).join('\n');
    await rm(FOLDER, { recursive: true, force: true });
    await mkdir(FOLDER, { recursive: true });
  });
  afterAll(() => rm(FOLDER, { recursive: true, force: true }));

  it('have each TypeScript snippet in a file of its own', async () => {
    const names: string[] = [];
    for (const [, text = ''] of page.matchAll(/^```ts\n(.*?)^```$/gms)) {
      const [, name = ''] = /^\/\/ ([\w.-]+\.ts)\n/.exec(text) ?? [];
      names.push(name);
      await writeFile(join(FOLDER, name), text);
    }
    expect(names).toEqual(['fan-out.modules.ts', 'auction.service.ts', 'auction.service.spec.ts']);
    await writeFile(
      join(FOLDER, 'tsconfig.json'),
      JSON.stringify({
        extends: '../../../tsconfig.json',
        compilerOptions: {
          ...STRICTEST,
          verbatimModuleSyntax: true,
          noEmit: false,
          // Types are checked with those of the other pages.
          noCheck: true,
          rootDir: '.',
          outDir: './out',
          paths: {},
        },
        include: ['.'],
        exclude: ['out'],
      }),
    );
    await exec('node', [join(ROOT, 'node_modules/typescript/bin/tsc')], { cwd: FOLDER });
  });

  it('have an example test that passes without Redis', async () => {
    const config = { rootDir: './out', testEnvironment: 'node', setupFiles: ['reflect-metadata'] };
    await writeFile(join(FOLDER, 'jest.config.json'), JSON.stringify(config));
    const jest = join(ROOT, 'node_modules/jest/bin/jest.js');
    const report = await exec(
      'node',
      ['--experimental-vm-modules', jest, '--json', '--config', 'jest.config.json'],
      { cwd: FOLDER },
    );
    expect(JSON.parse(report)).toMatchObject({ success: true, numPassedTests: 1 });
  });

  it('name commands that exist', async () => {
    const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const named = [...page.matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name);
    expect(named.length).toBeGreaterThan(2);
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(named));
  });
});
