import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';

const MAIN = resolve(import.meta.dirname, '../dist/main.js');

/** Starts the built sample, in a folder of the test's own: where it runs, it reads a `.env` file. */
export function spawnSample(folder: string, environment: Record<string, string> = {}): ChildProcess {
  return spawn(process.execPath, [MAIN], {
    cwd: folder,
    env: { PATH: process.env['PATH'], NO_COLOR: '1', ...environment },
  });
}

/** Where it listens. Rejects when it ends before it does. */
export async function urlOf({ stdout, stderr }: ChildProcess): Promise<string> {
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
