import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

const MAIN = resolve(import.meta.dirname, '../../sample/dist/main.js');

export const API_KEY = 'open-sesame';

/** The built sample, in a process of its own. */
export interface SampleApp {
  readonly url: string;
  stop(): Promise<void>;
}

/** @param environment the library's variables */
export async function startSampleApp(environment: Record<string, string>): Promise<SampleApp> {
  // Not in the project's folder, where there may be a .env file.
  const folder = await mkdtemp(join(tmpdir(), 'rtc-console-'));
  const child = spawn(process.execPath, [MAIN], {
    cwd: folder,
    env: {
      PATH: process.env['PATH'],
      NO_COLOR: '1',
      SAMPLE_API_KEY: API_KEY,
      PORT: '0',
      VOLCENGINE_ACCESS_KEY: 'emulator-access-key',
      VOLCENGINE_SECRET_KEY: 'emulator-secret-key',
      RTC_APP_ID: 'emulator-app',
      RTC_FROM: 'server',
      ...environment,
    },
  });
  return {
    url: await readUrl(child),
    async stop() {
      child.kill('SIGTERM');
      await once(child, 'exit');
      await rm(folder, { recursive: true });
    },
  };
}

async function readUrl({ stdout, stderr }: ChildProcess): Promise<string> {
  if (stdout === null || stderr === null) throw new Error('The sample has no output.');
  let output = '';
  stderr.on('data', (chunk) => (output += String(chunk)));
  for await (const line of createInterface(stdout)) {
    output += `${line}\n`;
    const url = /Listening on (\S+)/.exec(line)?.[1];
    if (url === undefined) continue;
    // What it says later must not fill the pipe.
    stdout.resume();
    return url;
  }
  throw new Error(`The sample did not start:\n${output}`);
}
