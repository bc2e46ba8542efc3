import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { install, packInto } from '../support/consumer.js';
import { exec } from '../support/exec.js';
import { snippetsIn } from '../support/markdown.js';

const SAMPLE = resolve(import.meta.dirname, '../../sample/01-quick-start');

describe('the sample 01-quick-start, copied into an empty folder', () => {
  let folder: string;
  const started: ChildProcess[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rtc-quick-start-'));
    await cp(SAMPLE, folder, {
      recursive: true,
      filter: (path) => !/[\\/](node_modules|dist|\.env|package-lock\.json)$/.test(path),
    });
    const path = join(folder, 'package.json');
    const manifest = JSON.parse(await readFile(path, 'utf8')) as { dependencies: Record<string, string> };
    expect(manifest.dependencies['nestjs-rtc-messaging']).toBe('^0.1.0');
    manifest.dependencies['nestjs-rtc-messaging'] = await packInto(folder);
    await writeFile(path, JSON.stringify(manifest));
    await install(folder);
  });
  afterAll(async () => {
    for (const child of started) child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  it('passes its own tests', async () => {
    expect(await exec('npm', ['test'], { cwd: folder, env: { NO_COLOR: '1' } })).toContain('2 passed');
  });

  it('does what its README shows, command by command', async () => {
    const readme = await readFile(join(folder, 'README.md'), 'utf8');
    const [prepare = '', emulator, app, request = ''] = snippetsIn(readme).map(({ text }) => text.trimEnd());
    expect([emulator, app]).toEqual(['npm run emulator', 'npm start']);
    // What was installed and tested above is not again.
    await exec('sh', ['-c', prepare.replace('npm install\nnpm test\n', '')], { cwd: folder });

    // On ports that are free; the packages' own scripts, since npm would be left between them and the signal.
    const RTC_ENDPOINT = await start(/RTC_ENDPOINT=(\S+)/, ['node_modules/.bin/rtc-emulator', '--port', '0']);
    const url = await start(/Listening on (\S+)/, ['dist/main.js'], { PORT: '0', RTC_ENDPOINT });
    const answer = await exec('sh', ['-c', request.replace('http://127.0.0.1:3000', url)], { cwd: folder });
    expect(answer).toBe(/The answer is `(.*?)`/.exec(readme)?.[1]);
    expect(readme).toContain('<http://127.0.0.1:8787/__emulator/requests>');
    const page = await fetch(`${RTC_ENDPOINT}/__emulator/requests`);
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('room-1')]);
  });

  /** Returns what the pattern finds in what the script prints. */
  async function start(
    pattern: RegExp,
    command: readonly string[],
    env: Record<string, string> = {},
  ): Promise<string> {
    const child = spawn(process.execPath, command, {
      cwd: folder,
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    started.push(child);
    for await (const line of createInterface(child.stdout)) {
      const found = pattern.exec(line)?.[1];
      if (found === undefined) continue;
      child.stdout.resume();
      return found;
    }
    throw new Error(`${command.join(' ')} ended before it was ready`);
  }
});
