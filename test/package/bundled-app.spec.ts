import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { exec } from '../support/exec.js';
import { installWithout } from '../support/install-without.js';
import { snippetsIn } from '../support/markdown.js';
import { type StartedRedis, startRedis } from '../support/redis.js';

const ROOT = resolve(import.meta.dirname, '../..');

/** What the page on compatibility tells to run, of which each makes one file. */
const page = await readFile(join(ROOT, 'docs/compatibility.md'), 'utf8');
const COMMANDS = snippetsIn(page)
  .filter(({ language, text }) => language === 'sh' && text.startsWith('npx esbuild '))
  .map(({ text }): [string, string] => [/--outfile=dist\/(\S+)/.exec(text)?.[1] ?? '', text]);

/** Packages that an app may do without, whatever it imports of the library. */
const OPTIONAL = ['@nestjs/swagger', '@nestjs/terminus', '@opentelemetry/api'];

it('the page on compatibility shows how to bundle an app to CommonJS and to ES modules', () => {
  expect(COMMANDS.map(([file]) => file)).toEqual(['app.cjs', 'app.mjs']);
});

describe.each([
  ['has all packages that are optional', []],
  ['has none of them', OPTIONAL],
] as const)('an app that %s', (_name, missing) => {
  let redis: StartedRedis;
  let folder: string;
  let elsewhere: string;
  beforeAll(async () => {
    redis = await startRedis();
    folder = await mkdtemp(join(tmpdir(), 'rtc-bundled-'));
    elsewhere = await mkdtemp(join(tmpdir(), 'rtc-bundle-'));
    await installWithout(missing, folder);
    await mkdir(join(folder, 'dist'));
  });
  afterAll(async () => {
    await redis?.stop();
    await rm(folder, { recursive: true, force: true });
    await rm(elsewhere, { recursive: true, force: true });
  });

  describe.each(['ES modules', 'CommonJS'])('of %s', (form) => {
    it.each(COMMANDS)(
      'is bundled to %s, which runs where nothing is installed, and complains of nothing',
      async (file, command) => {
        await writeFile(join(folder, 'dist/main.js'), await sourceAs(form));
        await writeFile(
          join(folder, 'dist/package.json'),
          JSON.stringify({ type: form === 'CommonJS' ? 'commonjs' : 'module' }),
        );
        // Run as it is: its installation may have put the program itself in place of the script.
        const esbuild = join(ROOT, 'node_modules/.bin/esbuild');
        await exec('sh', ['-c', command.replace('npx esbuild', `"${esbuild}" --log-level=error`)], {
          cwd: folder,
        });
        await rename(join(folder, 'dist', file), join(elsewhere, file));
        const output = await exec('node', [file], { cwd: elsewhere, env: { REDIS_URL: redis.url } });
        // Nothing else was written, so no warning either.
        expect(JSON.parse(output)).toEqual({
          outcome: 'accepted',
          status: 200,
          fanOut: 'accepted',
          received: ['by the service', 'by the controller', 'by the queue'],
        });
      },
    );
  });
});

async function sourceAs(form: string): Promise<string> {
  const source = await readFile(join(import.meta.dirname, 'bundled-app.mjs'), 'utf8');
  if (form === 'ES modules') return source;
  return source
    .replaceAll(/^import (\{.*\}) from (.*);$/gm, 'const $1 = require($2);')
    .replaceAll(/^import (.*);$/gm, 'require($1);');
}
