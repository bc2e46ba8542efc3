import { afterEach, describe, expect, it } from '@jest/globals';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type StartedRedis, startRedis, withClient } from '../support/redis.js';
import { until } from '../support/until.js';

const MODULE = pathToFileURL(resolve(import.meta.dirname, '../../scripts/redis/start-redis.mjs')).href;

let redis: StartedRedis | undefined;
afterEach(async () => {
  await redis?.stop();
  redis = undefined;
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Runs a program that may call `startRedis`. */
async function withProgram(
  program: string,
  work: (child: ChildProcess) => Promise<void>,
  env = process.env,
): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'ask-for-redis-'));
  try {
    const file = join(dir, 'ask.mjs');
    await writeFile(file, `import { startRedis } from ${JSON.stringify(MODULE)};\n${program}`);
    await work(fork(file, { execArgv: [], env }));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

describe('a Redis for tests', () => {
  it('answers, and is gone when it is stopped', async () => {
    redis = await startRedis({ own: true });
    const { pid } = redis;
    await expect(withClient(redis.url, (client) => client.ping())).resolves.toBe('PONG');
    await redis.stop();
    await redis.stop();
    expect(isAlive(pid!)).toBe(false);
  });

  it('can be a Sentinel, which needs a file of settings', async () => {
    redis = await startRedis({ config: 'sentinel monitor main 127.0.0.1 1 1\n', args: ['--sentinel'] });
    const names = await withClient(redis.url, (client) => client.call('SENTINEL', 'MASTERS'));
    expect((names as string[][])[0]?.slice(0, 2)).toEqual(['name', 'main']);
  });

  it('forgets what it holds when it is killed, and keeps it with persistence switched on', async () => {
    redis = await startRedis({ own: true });
    await withClient(redis.url, (client) => client.set('key', 'value'));
    await redis.kill();
    await redis.restart(['--appendonly', 'yes', '--appendfsync', 'always']);
    await expect(withClient(redis.url, (client) => client.get('key'))).resolves.toBeNull();
    await withClient(redis.url, (client) => client.set('key', 'value'));
    const { port } = redis;
    await redis.kill();
    await redis.restart();
    expect(redis.port).toBe(port);
    await expect(withClient(redis.url, (client) => client.get('key'))).resolves.toBe('value');
  });

  it('takes arguments, and shows the output of a server that does not start', async () => {
    redis = await startRedis({ args: ['--maxmemory', '5mb'] });
    await expect(withClient(redis.url, (client) => client.config('GET', 'maxmemory'))).resolves.toEqual([
      'maxmemory',
      '5242880',
    ]);
    await expect(startRedis({ args: ['--no-such-setting', '1'] })).rejects.toThrow(/no-such-setting/);
  });

  it('freezes and goes on', async () => {
    redis = await startRedis({ own: true });
    await redis.kill('SIGSTOP');
    await redis.kill('SIGCONT');
    await expect(withClient(redis.url, (client) => client.ping())).resolves.toBe('PONG');
  });

  it.each(['SIGKILL', 'SIGTERM'] as const)('does not outlive a process that ends by %s', (signal) =>
    withProgram(
      `const { pid } = await startRedis({ own: true });
      process.send(pid);
      setInterval(() => undefined, 1_000);`,
      async (asking) => {
        const [pid] = (await once(asking, 'message')) as [number];
        expect(isAlive(pid)).toBe(true);
        asking.kill(signal);
        await until(() => !isAlive(pid));
      },
    ),
  );

  it('does not keep a process that has done its work from ending', () =>
    withProgram(
      `const { pid } = await startRedis({ own: true });
      process.send(pid);
      process.disconnect();`,
      async (asking) => {
        const told = once(asking, 'message') as Promise<[number]>;
        const [[pid]] = await Promise.all([told, once(asking, 'exit')]);
        await until(() => !isAlive(pid));
      },
    ));

  it('says what to install where there is none', () =>
    withProgram(
      `await startRedis({ own: true }).then(() => process.send('started'), ({ message }) => process.send(message));`,
      async (asking) => {
        const [message] = await once(asking, 'message');
        expect(message).toMatch(
          /Neither redis-server nor valkey-server is on the path\. Install Redis .*REDIS_URL/,
        );
      },
      { ...process.env, PATH: import.meta.dirname },
    ));

  it('uses that of REDIS_URL without stopping it, and fails clearly if none answers there', async () => {
    redis = await startRedis({ own: true });
    const { REDIS_URL } = process.env;
    try {
      process.env['REDIS_URL'] = redis.url;
      const given = await startRedis();
      expect(given.url).toBe(redis.url);
      await given.stop();
      await expect(given.kill()).rejects.toThrow(/not ours to stop/);
      await expect(withClient(given.url, (client) => client.ping())).resolves.toBe('PONG');
      process.env['REDIS_URL'] = redis.url.replace('://', '://:pass-word@');
      await redis.kill();
      const failing = startRedis();
      await expect(failing).rejects.toThrow(
        /No Redis answers at REDIS_URL \(127\.0\.0\.1:\d+\): ECONNREFUSED/,
      );
      await expect(failing).rejects.not.toThrow(/pass-word/);
    } finally {
      if (REDIS_URL === undefined) delete process.env['REDIS_URL'];
      else process.env['REDIS_URL'] = REDIS_URL;
    }
  });

  it('leaves no files behind', async () => {
    redis = await startRedis({ own: true });
    const [, dir] = await withClient(
      redis.url,
      async (client) => (await client.config('GET', 'dir')) as string[],
    );
    await access(dir!);
    await redis.stop();
    await expect(access(dir!)).rejects.toThrow('ENOENT');
  });
});
