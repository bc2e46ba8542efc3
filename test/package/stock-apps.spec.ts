import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { packInto } from '../support/consumer.js';
import { exec } from '../support/exec.js';
import { nameOf, snippetsIn } from '../support/markdown.js';
import { nodeBinaries } from '../support/node-binaries.js';

const ROOT = resolve(import.meta.dirname, '../..');

/** Apps as the Nest CLI makes them, by what makes them, with the README's line that installs the library. */
const STOCK_APPS = [
  ['Nest 11', 'stock app (CommonJS, Jest)', 'npx --yes @nestjs/cli@11', 1],
  ['Nest 12', 'stock app (ES modules, Vitest)', join(ROOT, 'node_modules/.bin/nest'), 0],
] as const;

const readme = snippetsIn(await readFile(join(ROOT, 'README.md'), 'utf8'));

describe.each(STOCK_APPS)('%s', (_nest, app, nest, installLine) => {
  describe(app, () => {
    let folder: string;
    const sh = (command: string, node = process.execPath): Promise<string> =>
      exec('sh', ['-c', command], {
        cwd: folder,
        env: {
          NO_COLOR: '1',
          npm_config_prefer_offline: 'true',
          npm_config_audit: 'false',
          npm_config_fund: 'false',
          PATH: `${dirname(node)}${delimiter}${process.env['PATH']}`,
        },
      });

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'rtc-stock-'));
      await sh(`${nest} new app --skip-install --skip-git --package-manager npm`);
      const tarball = (await packInto(folder)).replace('file:', `${folder}/`);
      folder = join(folder, 'app');
      const lines = readme.map(({ text }) => text).filter((text) => text.startsWith('npm install'));
      const install = lines[installLine]?.replace(' nestjs-rtc-messaging ', ` ${tarball} `);
      await sh(`npm install && ${install}`);
      for (const { language, text } of readme)
        if (language === 'ts') await writeFile(join(folder, 'src', nameOf(text)), text);
    });
    afterAll(() => rm(dirname(folder), { recursive: true, force: true }));

    it("builds with the README's files in src", () => sh('npm run build'));

    describe.each(nodeBinaries())('Node $version', ({ path }) => {
      it("npm test, with the README's files in src", async () => {
        const output = await sh('npm test 2>&1', path);
        // The app's own spec, and the README's.
        expect(output).toMatch(/Tests:? +2 passed/);
      });
    });
  });
});
