import { expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');
/** The demo as `npm run demo:cluster` runs it, once the library is built. */
const RUN =
  "import { runClusterDemo } from './scripts/demo/cluster-demo.mjs'; " +
  'process.exitCode = (await runClusterDemo({ recipients: 30_000, once: false })) ? 0 : 1;';

it('the demo of a cluster survives a worker, and shows its queue in Bull Board until it is interrupted', async () => {
  const demo = spawn(process.execPath, ['--input-type=module', '-e', RUN], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], REDIS_URL: process.env['REDIS_URL'] },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const closed = once(demo, 'close');
  const isServing = new Promise<void>((resolve, reject) => {
    for (const stream of [demo.stdout, demo.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        if (output.includes('until Ctrl-C')) resolve();
      });
    }
    void closed.then(() => reject(new Error(`The demo ended:\n${output}`)));
  });
  try {
    await isServing;
    const [, url = ''] = /in Bull Board: (\S+)/.exec(output) ?? [];
    const answer = await fetch(`${url}/api/queues`);
    const { queues } = (await answer.json()) as { queues: { name: string }[] };
    expect(queues.map(({ name }) => name)).toEqual(['rtc-fan-out']);
  } finally {
    demo.kill('SIGINT');
    await closed;
  }
  expect(demo.exitCode).toBe(0);
  expect(output).toMatch(/Worker \d+ was killed/);
  expect(output).toMatch(/The emulator accepted [\d,]+, of them twice: 0/);
  expect(output).toContain('The account adds up.');
});
