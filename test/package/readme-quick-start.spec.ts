import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { packInto } from '../support/consumer.js';
import { exec } from '../support/exec.js';
import { snippetsIn } from '../support/markdown.js';
import { listen } from '../support/scripted-server.js';

const ROOT = resolve(import.meta.dirname, '../..');
const NEST_11 = 'npm install @nestjs/common@11 @nestjs/core@11 reflect-metadata rxjs';

let packed: string;
let tarball: string;
beforeAll(async () => {
  packed = await mkdtemp(join(tmpdir(), 'rtc-packed-'));
  tarball = join(packed, (await packInto(packed)).replace('file:', ''));
});
afterAll(() => rm(packed, { recursive: true, force: true }));

describe.each([
  ['in an empty folder', 0, undefined, 'module'],
  ['in an app of Nest 11 with ES modules', 0, NEST_11, 'module'],
  ['in an app of Nest 11 with CommonJS', 1, NEST_11, 'commonjs'],
])("the README's quick start %s", (_where, installLine, before, type) => {
  let folder: string;
  let emulator: ChildProcess | undefined;
  const sh = (command: string): Promise<string> =>
    exec('sh', ['-c', command], {
      cwd: folder,
      env: { NO_COLOR: '1', npm_config_prefer_offline: 'true', npm_config_audit: 'false' },
    });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rtc-readme-'));
  });
  afterAll(async () => {
    emulator?.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  it('ends with the message that arrived, as it is printed there', async () => {
    // On a port that is free. All else is as it stands there, but for the package, which is not published.
    const port = await freePort();
    const readme = (await readFile(join(ROOT, 'README.md'), 'utf8')).replaceAll('8787', String(port));
    const snippets = snippetsIn(readme);
    const textsIn = (language: string): string[] =>
      snippets.filter((snippet) => snippet.language === language).map(({ text }) => text);
    const commands = textsIn('sh');
    const install = commands.filter((command) => command.startsWith('npm install'))[installLine] ?? '';
    const [printed = '', arrived = ''] = textsIn('text');
    if (before !== undefined) {
      await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, type }));
      await sh(before);
    }
    await sh(install.replace(' nestjs-rtc-messaging ', ` ${tarball} `));
    await writeFile(join(folder, '.env'), textsIn('ini').join());
    await writeFile(join(folder, 'quick-start.mjs'), textsIn('js').join());

    expect(commands).toContain('npx nestjs-rtc-messaging emulator\n');
    expect(await startEmulator(port)).toBe(printed.trimEnd());
    const output = await sh(commands.at(-1) ?? '');
    const withoutTime = (text: string): string => text.replace(/\d{4}-[\d-]+T[\d:.]+Z/, '').trimEnd();
    expect(withoutTime(output)).toBe(withoutTime(arrived));
  });

  /** The command's own script, since npx would be left between it and the signal. Returns what it says first. */
  async function startEmulator(port: number): Promise<string> {
    emulator = spawn(
      process.execPath,
      ['node_modules/.bin/nestjs-rtc-messaging', 'emulator', '--port', String(port)],
      {
        cwd: folder,
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    if (emulator.stdout === null) throw new Error('The emulator has no output.');
    for await (const line of createInterface(emulator.stdout)) {
      emulator.stdout.resume();
      return line;
    }
    throw new Error('The emulator ended before it was ready.');
  }
});

async function freePort(): Promise<number> {
  const server = await listen(createServer());
  await server.close();
  return server.port;
}
