import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EventEmitter, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { type DelayingProxy, startDelayingProxy } from '../../scripts/redis/delaying-proxy.mjs';
import { type QueueApp, type QueueAppOptions, startQueueApp } from '../support/fan-out-queue.js';
import { type StartedRedis, startRedis, withClient } from '../support/redis.js';
import { startRelay } from '../support/relay.js';
import { rejectionOf } from '../support/rejection.js';
import { until } from '../support/until.js';

const TEXT = { roomId: 'room-1', message: 'hello' };
const ONE_WAY_MS = 20;
const users = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_none, index) => `user-${from + index}`);

let redis: StartedRedis;
let proxy: DelayingProxy;
let emulator: RtcEmulator;
let apps: QueueApp[] = [];
beforeEach(async () => {
  redis = await startRedis({ own: true });
  proxy = await startDelayingProxy(redis.port, ONE_WAY_MS);
  emulator = await RtcEmulator.start({ quota: { requestsPerSecond: Number.POSITIVE_INFINITY } });
});
afterEach(async () => {
  await Promise.all(apps.map((app) => app.close()));
  apps = [];
  proxy.close();
  await emulator.close();
  await redis.stop();
});

/** Nothing is taken for lost, and looked after, before a test is over. */
async function start({ role, ...options }: QueueAppOptions, isFar = role === 'producer'): Promise<QueueApp> {
  const app = await startQueueApp(
    isFar ? `redis://127.0.0.1:${proxy.port}` : redis.url,
    { role, lostAfterMs: 60_000, ...options },
    role === 'producer' ? undefined : { ...emulator.moduleOptions(), quota: { requestsPerSecond: 100_000 } },
  );
  apps.push(app);
  return app;
}
/** How often Redis was asked to run a script, of ours and of BullMQ's. */
const scriptsRun = (): Promise<number> =>
  withClient(redis.url, async (client) => {
    const stats = await client.info('commandstats');
    const calls = [...stats.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)].map(([, count]) => Number(count));
    return calls.reduce((sum, count) => sum + count, 0);
  });
const expectSentOnce = (count: number): void => {
  expect(emulator.accepted.duplicates()).toEqual([]);
  expect(emulator.accepted.total).toBe(count);
};

describe('enqueuing with Redis at a distance', () => {
  it('takes far fewer round trips than there are chunks, and sends to everyone once', async () => {
    const { queue } = await start({ role: 'producer' });
    const before = await scriptsRun();
    const started = performance.now();
    const handle = await queue.enqueue({ ...TEXT, to: users(1_500) }, { chunkSize: 5 });
    // Three round trips a chunk were 36 s.
    expect(performance.now() - started).toBeLessThan(300 * 2 * ONE_WAY_MS * 0.25);
    // The first hundred chunks have a job each; the others wait for their turn.
    expect((await scriptsRun()) - before).toBeLessThan(100 + 75);
    await start({ role: 'worker' });
    expect(await handle.result()).toMatchObject({ status: 'accepted', counts: { accepted: 1_500 } });
    expectSentOnce(1_500);
  });

  it('gives each chunk one job, however many workers ask for more meanwhile', async () => {
    const { queue } = await start({ role: 'producer', lookAhead: 10 });
    const handle = await queue.enqueue({ ...TEXT, to: users(500) }, { chunkSize: 5 });
    // As far away as the producer: one chunk is completed after another before Redis has the note of the first job.
    await start({ role: 'worker', concurrency: 8 }, true);
    expect(await handle.result()).toMatchObject({ status: 'accepted', counts: { accepted: 500 } });
    const events = await withClient(redis.url, (client) =>
      client.xrange('{rtc}:rtc-fan-out:events', '-', '+'),
    );
    const told = (event: string): number => events.filter(([, fields]) => fields[1] === event).length;
    expect(told('added')).toBe(100);
    expect(told('duplicated')).toBe(0);
  });

  it('stores a full chunk at once, however slowly the source goes on', async () => {
    const { queue } = await start({ role: 'producer' });
    const reading = new EventEmitter();
    const slow = async function* (): AsyncGenerator<string> {
      yield* users(50);
      await once(reading, 'go');
      yield* users(5, 50);
    };
    const enqueuing = queue.enqueue({ ...TEXT, to: slow() }, { id: 'slow', chunkSize: 5 });
    await until(async () => (await (await queue.get('slow'))?.progress())?.counts.input === 50);
    await start({ role: 'worker' });
    await until(() => emulator.accepted.total === 50);
    reading.emit('go');
    expect(await (await enqueuing).result()).toMatchObject({ counts: { accepted: 55 } });
  });

  it('stores every chunk that was full when the source failed, and goes on after them', async () => {
    const { queue } = await start({ role: 'producer' });
    const failing = function* (): Generator<string> {
      yield* users(403);
      throw new Error('the cursor was closed');
    };
    const error = await rejectionOf(
      queue.enqueue({ ...TEXT, to: failing() }, { id: 'cut-short', chunkSize: 5 }),
    );
    expect(error).toMatchObject({ fanOutId: 'cut-short', cause: new Error('the cursor was closed') });
    expect((await (await queue.get('cut-short'))!.progress()).counts.input).toBe(400);
    await queue.enqueue({ ...TEXT, to: users(500) }, { id: 'cut-short' });
    await start({ role: 'worker' });
    const handle = (await queue.get('cut-short'))!;
    expect(await handle.result()).toMatchObject({ status: 'accepted', counts: { accepted: 500 } });
    expectSentOnce(500);
  });

  it('has stored chunks sent at once when it is aborted, also those of a command in flight', async () => {
    const { queue } = await start({ role: 'producer' });
    const aborting = new AbortController();
    const stopping = async function* (): AsyncGenerator<string> {
      yield* users(200);
      // By then Redis has stored some of it, and its answer is on its way.
      await sleep(1.5 * ONE_WAY_MS);
      aborting.abort();
      yield* users(200, 200);
    };
    const options = { id: 'stopped', chunkSize: 5, signal: aborting.signal };
    await rejectionOf(queue.enqueue({ ...TEXT, to: stopping() }, options));
    await start({ role: 'worker' });
    const { status, counts } = await (await queue.get('stopped'))!.result();
    expect(status).toBe('aborted');
    expect(counts.input).toBeGreaterThan(0);
    expect(counts.accepted).toBe(counts.input);
    expectSentOnce(counts.input);
  });

  it('stores each chunk once and in order though connections are lost with commands in flight', async () => {
    const { queue } = await start({ role: 'producer' });
    const cutting = async function* (): AsyncGenerator<string> {
      for (const [at, user] of users(600).entries()) {
        // At another moment of the way there and back each time.
        if (at % 100 === 50) setTimeout(() => proxy.cut(), at / 10);
        if (at % 100 === 99) await sleep(4 * ONE_WAY_MS);
        yield user;
      }
    };
    const handle = await queue.enqueue({ ...TEXT, to: cutting() }, { id: 'cut', chunkSize: 5 });
    // Who compares it finds the same digest, and nothing to store.
    await queue.enqueue({ ...TEXT, to: users(600) }, { id: 'cut' });
    await start({ role: 'worker' });
    expect(await handle.result()).toMatchObject({ status: 'accepted', counts: { accepted: 600 } });
    expectSentOnce(600);
  });

  it('makes one fan-out when two processes enqueue it at once, one of which stops half-way', async () => {
    const producers = [await start({ role: 'producer' }), await start({ role: 'producer' })] as const;
    await start({ role: 'worker' });
    const failing = async function* (): AsyncGenerator<string> {
      for (const [at, user] of users(400).entries()) {
        if (at % 50 === 0) await sleep(1);
        yield user;
      }
      throw new Error('the cursor was closed');
    };
    const [handle, error] = await Promise.all([
      producers[0].queue.enqueue({ ...TEXT, to: users(800) }, { id: 'both', chunkSize: 5 }),
      rejectionOf(producers[1].queue.enqueue({ ...TEXT, to: failing() }, { id: 'both' })),
    ]);
    expect(error).toMatchObject({ fanOutId: 'both' });
    expect(await handle.result()).toMatchObject({ status: 'accepted', counts: { accepted: 800 } });
    expectSentOnce(800);
  });

  it('fails at once when a job is refused, though the source goes on slowly', async () => {
    const { queue } = await start({ role: 'producer' });
    const endless = async function* (): AsyncGenerator<string> {
      yield* users(5);
      await once(new EventEmitter(), 'never');
    };
    // What BullMQ wants to write there is no list.
    await withClient(redis.url, (client) => client.set('{rtc}:rtc-fan-out:wait', 'x'));
    const error = await rejectionOf(queue.enqueue({ ...TEXT, to: endless() }, { chunkSize: 5 }));
    expect(error).toMatchObject({ cause: { message: expect.stringContaining('WRONGTYPE') } });
  });
});

describe('enqueuing over a slow network', () => {
  it.each([
    { fanOuts: 1, recipients: 12_000 },
    { fanOuts: 6, recipients: 2_500 },
  ])(
    'loses no connection to a time limit: $fanOuts at once, $recipients recipients each',
    async ({ fanOuts, recipients }) => {
      const slow = await startRelay(redis.port, 400_000);
      try {
        const app = await startQueueApp(`redis://127.0.0.1:${slow.port}`, { role: 'producer' });
        apps.push(app);
        const connections = (): Promise<number> =>
          withClient(redis.url, async (client) =>
            Number(/total_connections_received:(\d+)/.exec(await client.info('stats'))?.[1]),
          );
        const before = await connections();
        const to = users(recipients).map((user) => user.padEnd(100, 'x'));
        const signal = AbortSignal.timeout(20_000);
        await Promise.all(
          Array.from({ length: fanOuts }, () => app.queue.enqueue({ ...TEXT, to }, { signal })),
        );
        // One of them is that which asks.
        expect((await connections()) - before).toBe(1);
      } finally {
        await Promise.all(apps.map((app) => app.close()));
        apps = [];
        slow.close();
      }
    },
  );
});
