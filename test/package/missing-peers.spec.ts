import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exec } from '../support/exec.js';
import { installWithout } from '../support/install-without.js';

/** What each entry needs beside what the library itself does. */
const ENTRIES: readonly (readonly [entry: string, peers: readonly string[]])[] = [
  ['nestjs-rtc-messaging/redis', ['ioredis']],
  ['nestjs-rtc-messaging/bullmq', ['@nestjs/bullmq', 'bullmq', 'ioredis']],
];

/** Programs that load an entry and print what came of it; an app may catch the error of either. */
const loadWays = (entry: string): readonly (readonly string[])[] => [
  [
    '--input-type=module',
    '-e',
    `await import('reflect-metadata');
     const failed = await import('${entry}').then(() => 'loaded', ({ code, message }) => code + ' ' + message);
     console.log(failed)`,
  ],
  [
    '--input-type=commonjs',
    '-e',
    `require('reflect-metadata');
     try { require('${entry}'); console.log('loaded') }
     catch ({ code, message }) { console.log(code + ' ' + message) }`,
  ],
];

describe.each(ENTRIES)('%s, where a package that it needs is not installed', (entry, peers) => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rtc-peers-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const appWithout = async (name: string, missing: readonly string[]): Promise<string> => {
    const app = join(folder, name);
    await installWithout(missing, app);
    return app;
  };

  it.each(peers)('says that it is %s', async (missing) => {
    const cwd = await appWithout(missing.replace('/', '-'), [missing]);
    for (const args of loadWays(entry)) {
      const [code, ...message] = (await exec('node', args, { cwd })).trim().split(' ');
      expect(code).toMatch(/^(ERR_)?MODULE_NOT_FOUND$/);
      // Node's own words, which end with who asked for it.
      expect(message.join(' ')).toMatch(
        new RegExp(`^Cannot find (package|module) '${missing}'[^]*/nestjs-rtc-messaging/dist/`),
      );
    }
    await exec('node', ['-e', "require('reflect-metadata'); require('nestjs-rtc-messaging')"], { cwd });
  });

  it('loads where all are installed', async () => {
    const cwd = await appWithout('complete', []);
    for (const args of loadWays(entry)) expect(await exec('node', args, { cwd })).toBe('loaded\n');
  });
});
