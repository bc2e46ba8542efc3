import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

/** Starts a program in a process of its own; it finds its settings in its first argument, as JSON. */
export function forkProgram(path: string, settings: object): ChildProcess {
  return fork(path, [JSON.stringify(settings)], {
    execArgv: [],
    // Without NODE_OPTIONS and the like, which are the test runner's own.
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'] },
  });
}

/** What a process says first. Rejects when it ends without a word. */
export async function firstMessage<T>(child: ChildProcess): Promise<T> {
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`A process ended with ${String(code)} before it was ready`);
  });
  failed.catch(() => undefined);
  const [message] = (await Promise.race([once(child, 'message'), failed])) as [T];
  return message;
}

/** Resolves when it has ended. */
export async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}
