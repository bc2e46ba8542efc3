import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { join } from 'node:path';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { ownPrefix, type QueueApp, startQueueApp } from '../support/fan-out-queue.js';
import { firstMessage, forkProgram, kill } from '../support/processes.js';
import { type StartedRedis, startRedis } from '../support/redis.js';
import { until } from '../support/until.js';

let redis: StartedRedis;
let emulator: RtcEmulator;
const apps: QueueApp[] = [];
beforeEach(async () => {
  redis = await startRedis();
  emulator = await RtcEmulator.start({ quota: { requestsPerSecond: Number.POSITIVE_INFINITY } });
});
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
  await emulator.close();
  await redis.stop();
});

it.each([
  ['ahead', 600_000],
  ['behind', -600_000],
])(
  'a worker whose clock is ten minutes %s returns chunks that others can send at once',
  async (_which, ms) => {
    const prefix = ownPrefix();
    const rtc = { ...emulator.moduleOptions(), quota: { requestsPerSecond: 20 } };
    const producer = await startQueueApp(redis.url, { prefix, role: 'producer' });
    apps.push(producer);
    const worker = forkProgram(join(import.meta.dirname, 'processes/worker.mjs'), {
      connection: redis.url,
      queue: { prefix, concurrency: 8 },
      rtc,
      clockAheadMs: ms,
    });
    try {
      await firstMessage(worker);
      const to = Array.from({ length: 100 }, (_none, index) => `user-${index}`);
      const handle = await producer.queue.enqueue(
        { roomId: 'room-1', message: 'hello', to },
        { chunkSize: 1 },
      );
      await until(async () => (await handle.progress()).done > 45);
      const ended = once(worker, 'exit');
      worker.kill('SIGTERM');
      await ended;
      expect((await handle.progress()).state).toBe('running');
      apps.push(await startQueueApp(redis.url, { prefix, role: 'worker', concurrency: 8 }, rtc));
      const { counts } = await handle.result({ timeoutMs: 15_000 });
      expect(counts).toMatchObject({ accepted: 100, unknown: 0 });
      expect(emulator.accepted.duplicates()).toEqual([]);
    } finally {
      await kill(worker);
    }
  },
);
