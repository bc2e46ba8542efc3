import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ChildProcess } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { join } from 'node:path';
import { Cluster, Redis } from 'ioredis';
import type { RtcFanOutQueueOptions } from 'nestjs-rtc-messaging/bullmq';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { ownPrefix, type QueueApp, type QueueAppOptions, startQueueApp } from '../support/fan-out-queue.js';
import { LogLines } from '../support/log-lines.js';
import { firstMessage, forkProgram, kill } from '../support/processes.js';
import { type StartedRedis, startRedis, withClient } from '../support/redis.js';
import { rejectionOf } from '../support/rejection.js';
import { startRelay } from '../support/relay.js';
import { until } from '../support/until.js';

const TEXT = { roomId: 'room-1', message: 'hello' };
const users = (count: number): string[] => Array.from({ length: count }, (_none, index) => `user-${index}`);
/** Twice ten; it says `pause` after the first, and waits for `go`. */
async function* pausing(reading: EventEmitter): AsyncGenerator<string> {
  yield* users(10);
  reading.emit('pause');
  await once(reading, 'go');
  yield* users(10);
}

let redis: StartedRedis | undefined;
let emulator: RtcEmulator;
let apps: QueueApp[] = [];
beforeEach(async () => {
  emulator = await RtcEmulator.start({ quota: { requestsPerSecond: Number.POSITIVE_INFINITY } });
});
afterEach(async () => {
  await Promise.all(apps.map((app) => app.close()));
  apps = [];
  await emulator.close();
  await redis?.stop();
  redis = undefined;
});
const rtc = () => ({ ...emulator.moduleOptions(), quota: { requestsPerSecond: 100_000 } });
async function start(
  connection: RtcFanOutQueueOptions['connection'],
  options: QueueAppOptions,
): Promise<QueueApp> {
  const app = await startQueueApp(connection, options, options.role === 'producer' ? undefined : rtc());
  apps.push(app);
  return app;
}

describe('a durable fan-out', () => {
  it('survives a persistent Redis that is killed and started again', async () => {
    redis = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
    const { queue } = await start(redis.url, { concurrency: 4 });
    emulator.faults.replace([{ kind: 'late', delayMs: 5, probability: 1 }]);
    const handle = await queue.enqueue({ ...TEXT, to: users(3_000) }, { chunkSize: 10 });
    await until(async () => (await handle.progress()).counts.accepted >= 500);
    await redis.restart();
    const { counts } = await handle.result();
    expect(counts).toMatchObject({ input: 3_000, rejected: 0, notAttempted: 0 });
    expect(counts.accepted + counts.unknown).toBe(3_000);
    // Only if the outage was so long that the chunks in flight were taken for left behind.
    expect(counts.unknown).toBeLessThanOrEqual(4 * 10);
    expect(emulator.accepted.duplicates()).toEqual([]);
    expect(emulator.accepted.total).toBe(3_000);
  });

  it('lets its app shut down while Redis is away, and just after it came back', async () => {
    for (const comesBack of [true, false]) {
      const own = await startRedis({ own: true });
      const app = await startQueueApp(own.url, {}, rtc());
      emulator.faults.replace([{ kind: 'late', delayMs: 50, probability: 1 }]);
      const handle = await app.queue.enqueue({ ...TEXT, to: users(3_000) }, { chunkSize: 10 });
      await until(async () => (await handle.progress()).counts.accepted > 0);
      if (comesBack) await own.restart();
      else await own.kill();
      await app.close();
      await own.stop();
    }
  });

  it('lets a producer that enqueues shut down while Redis is away', async () => {
    redis = await startRedis({ own: true });
    const { queue, close } = await startQueueApp(redis.url, { role: 'producer', lostAfterMs: 500 });
    const reading = new EventEmitter();
    const paused = once(reading, 'pause');
    const enqueuing = rejectionOf(
      queue.enqueue({ ...TEXT, to: pausing(reading) }, { id: 'left', chunkSize: 10 }),
    );
    await paused;
    await redis.kill();
    reading.emit('go');
    await close();
    expect(await enqueuing).toMatchObject({ fanOutId: 'left', outcome: 'unknown' });
  });

  it.each(['is idle', 'sends', 'enqueues'] as const)(
    'lets an app that %s shut down while Redis holds its connections and does not answer',
    async (what) => {
      redis = await startRedis({ own: true });
      const role = what === 'enqueues' ? 'producer' : 'both';
      const { queue, close } = await startQueueApp(
        redis.url,
        { role, lostAfterMs: 500 },
        role === 'producer' ? undefined : rtc(),
      );
      const reading = new EventEmitter();
      let enqueuing: Promise<unknown> | undefined;
      if (what === 'sends') {
        emulator.faults.replace([{ kind: 'late', delayMs: 300, probability: 1 }]);
        const handle = await queue.enqueue({ ...TEXT, to: users(50) }, { chunkSize: 10 });
        await until(async () => (await handle.progress()).inFlight > 0);
      }
      if (what === 'enqueues') {
        const paused = once(reading, 'pause');
        enqueuing = rejectionOf(
          queue.enqueue({ ...TEXT, to: pausing(reading) }, { id: 'left', chunkSize: 10 }),
        );
        await paused;
      }
      await redis.kill('SIGSTOP');
      reading.emit('go');
      await close();
      if (enqueuing !== undefined) expect(await enqueuing).toMatchObject({ fanOutId: 'left' });
    },
  );

  it('goes on with the other node after a failover that leaves the connections to the former primary', async () => {
    redis = await startRedis({ own: true });
    const replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(redis.port)] });
    const address = await startRelay(redis.port);
    const clients = [new Redis(redis.url), new Redis(replica.url)] as const;
    const [former, next] = clients;
    try {
      await until(async () => (await next.info('replication')).includes('master_link_status:up'));
      const { queue } = await start(`redis://127.0.0.1:${address.port}`, { concurrency: 4 });
      emulator.faults.replace([{ kind: 'late', delayMs: 5, probability: 1 }]);
      const handle = await queue.enqueue({ ...TEXT, to: users(2_000) }, { chunkSize: 10 });
      await until(async () => (await handle.progress()).counts.accepted >= 300);
      address.target = replica.port;
      // Without a loss: it holds writes up until the replica has everything, and refuses them from then on.
      await former.call('FAILOVER');
      await until(async () => (await next.info('replication')).includes('role:master'));
      const state = async (): Promise<string> => (await handle.progress()).state;
      await until(async () => (await state().catch(() => 'unknown')) === 'ended');
      const { counts } = await handle.progress();
      expect(counts.accepted + counts.unknown).toBe(2_000);
      expect(counts.unknown).toBeLessThanOrEqual(4 * 10);
      expect(emulator.accepted.duplicates()).toEqual([]);
      expect((await (await queue.enqueue({ ...TEXT, to: users(3) })).result()).counts.accepted).toBe(3);
    } finally {
      for (const client of clients) client.disconnect();
      await Promise.all(apps.map((app) => app.close()));
      apps = [];
      address.close();
      await replica.stop();
    }
  });

  it('goes on over new connections when its own ones are dead', async () => {
    redis = await startRedis();
    const way = await startRelay(redis.port);
    try {
      const { queue } = await start(`redis://127.0.0.1:${way.port}`, { concurrency: 4 });
      emulator.faults.replace([{ kind: 'late', delayMs: 5, probability: 1 }]);
      const handle = await queue.enqueue({ ...TEXT, to: users(1_000) }, { chunkSize: 10 });
      await until(async () => (await handle.progress()).counts.accepted >= 100);
      way.hold();
      const { counts } = await handle.result();
      expect(counts).toMatchObject({ accepted: 1_000, unknown: 0 });
      expect(emulator.accepted.duplicates()).toEqual([]);
      // The one that waits for jobs as well.
      const next = await queue.enqueue({ ...TEXT, to: users(3) });
      expect((await next.result({ timeoutMs: 2_000 })).counts.accepted).toBe(3);
    } finally {
      await Promise.all(apps.map((app) => app.close()));
      apps = [];
      way.close();
    }
  });

  it('is not sent twice by a worker that stands still and wakes up', async () => {
    redis = await startRedis();
    const prefix = ownPrefix();
    const producer = await start(redis.url, { prefix, role: 'producer' });
    emulator.faults.replace([{ kind: 'late', delayMs: 10, probability: 1 }]);
    const handle = await producer.queue.enqueue({ ...TEXT, to: users(2_000) }, { chunkSize: 10 });
    const sleeper = await startWorker(redis.url, prefix);
    try {
      await until(async () => (await handle.progress()).counts.accepted >= 200);
      sleeper.kill('SIGSTOP');
      await start(redis.url, { prefix, role: 'worker', concurrency: 4 });
      const { counts } = await handle.result();
      expect(counts.accepted + counts.unknown).toBe(2_000);
      expect(counts.unknown).toBeLessThanOrEqual(4 * 10);
      sleeper.kill('SIGCONT');
      // It goes on where it stood: answers are read, and told to the ledger, which does not want them.
      const next = await producer.queue.enqueue(
        { ...TEXT, message: 'next', to: users(200) },
        { chunkSize: 10 },
      );
      expect((await next.result()).counts.accepted).toBe(200);
      expect((await handle.result()).counts).toEqual(counts);
      expect(emulator.accepted.duplicates()).toEqual([]);
    } finally {
      await kill(sleeper);
    }
  });

  it('logs a full Redis once, and goes on when it no longer is', async () => {
    redis = await startRedis({ own: true });
    const { queue, module } = await start(redis.url, { concurrency: 2, lostAfterMs: 500 });
    const log = new LogLines();
    module.useLogger(log);
    emulator.faults.replace([{ kind: 'late', delayMs: 20, probability: 1 }]);
    const handle = await queue.enqueue({ ...TEXT, to: users(500) }, { chunkSize: 10 });
    await until(async () => (await handle.progress()).counts.accepted > 0);
    await withClient(redis.url, async (client) => {
      await client.config('SET', 'maxmemory', '1');
      const refusals = async (): Promise<number> =>
        Number(/errorstat_OOM:count=(\d+)/.exec(await client.info('errorstats'))?.[1] ?? 0);
      // Of chunks, of jobs, and of looking after fan-outs.
      await until(async () => (await refusals()) >= 20 && log.lines.length > 0);
      await client.config('SET', 'maxmemory', '0');
    });
    const { counts } = await handle.result();
    expect(counts.accepted + counts.unknown).toBe(500);
    const told = log.lines.filter((line) => !line.includes("A worker's hold on a chunk ran out"));
    expect(told).toEqual([
      "WARN Redis: OOM command not allowed when used memory > 'maxmemory'. Durable fan-outs wait until it is back.",
    ]);
  });

  it('works on a Redis Cluster', async () => {
    redis = await startRedis({ args: ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'] });
    const node = new Redis(redis.url);
    await node.cluster('ADDSLOTSRANGE', 0, 16_383);
    await until(async () => (await node.cluster('INFO')).includes('cluster_state:ok'));
    node.disconnect();
    const nodes = [{ host: '127.0.0.1', port: redis.port }];
    const { queue } = await start({ nodes }, {});
    const handle = await queue.enqueue({ ...TEXT, to: users(1_500) });
    expect((await handle.result()).counts.accepted).toBe(1_500);

    const given = new Cluster(nodes);
    const other = await start(given, { role: 'producer' });
    expect((await (await other.queue.get(handle.id))?.progress())?.state).toBe('ended');
    await other.close();
    apps.pop();
    expect(await given.ping()).toBe('PONG');
    given.disconnect();
  });

  it("works with the app's own client, and leaves that open", async () => {
    redis = await startRedis();
    const given = new Redis(redis.url);
    const prefix = ownPrefix();
    const app = await start(given, { prefix });
    const handle = await app.queue.enqueue({ ...TEXT, to: users(10) });
    expect((await handle.result()).counts.accepted).toBe(10);
    await app.close();
    apps.pop();
    expect(await given.ping()).toBe('PONG');
    given.disconnect();
  });
});

async function startWorker(connection: string, prefix: string): Promise<ChildProcess> {
  const settings = { connection, queue: { prefix, concurrency: 4, lostAfterMs: 1_000 }, rtc: rtc() };
  const worker = forkProgram(join(import.meta.dirname, 'processes/worker.mjs'), settings);
  await firstMessage(worker);
  return worker;
}
