import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { exec } from '../support/exec.js';

const ROOT = resolve(import.meta.dirname, '../..');
const PEERS = ['@nestjs/bullmq', 'bullmq', 'ioredis'];

const LOAD: readonly (readonly string[])[] = [
  ['--input-type=module', '-e', "import 'reflect-metadata'; await import('nestjs-rtc-messaging/bullmq')"],
  ['--input-type=commonjs', '-e', "require('reflect-metadata'); require('nestjs-rtc-messaging/bullmq')"],
];

describe('the durable fan-out, where a package that it needs is not installed', () => {
  let folder = '';
  /** An app that has everything but one package. */
  const appWithout = async (missing: string | undefined): Promise<string> => {
    const app = join(folder, (missing ?? 'complete').replace('/', '-'));
    const modules = join(app, 'node_modules');
    const library = join(modules, 'nestjs-rtc-messaging');
    await mkdir(library, { recursive: true });
    await cp(join(ROOT, 'dist'), join(library, 'dist'), { recursive: true });
    await cp(join(ROOT, 'package.json'), join(library, 'package.json'));
    const { dependencies, peerDependencies } = JSON.parse(
      await readFile(join(ROOT, 'package.json'), 'utf8'),
    ) as Record<string, Record<string, string>>;
    for (const name of Object.keys({ ...dependencies, ...peerDependencies })) {
      if (name === missing) continue;
      await mkdir(dirname(join(modules, name)), { recursive: true });
      await symlink(join(ROOT, 'node_modules', name), join(modules, name), 'dir');
    }
    expect(await readdir(modules)).toContain('nestjs-rtc-messaging');
    return app;
  };
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'nestjs-rtc-messaging-peers-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each(PEERS)(
    'says that it is %s, and what to install',
    async (missing) => {
      const cwd = await appWithout(missing);
      for (const args of LOAD) {
        await expect(exec('node', args, { cwd })).rejects.toThrow(
          `nestjs-rtc-messaging/bullmq needs ${missing}, which is not installed: ` +
            'npm install @nestjs/bullmq bullmq ioredis',
        );
      }
      await exec('node', ['-e', "require('reflect-metadata'); require('nestjs-rtc-messaging')"], { cwd });
    },
    60_000,
  );

  it('loads where nothing is missing', async () => {
    const cwd = await appWithout(undefined);
    for (const args of LOAD) await exec('node', args, { cwd });
  }, 60_000);
});
