import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { LogLines } from '../support/log-lines.js';
import { ownPrefix, type QueueApp, startQueueApp } from '../support/fan-out-queue.js';
import { type StartedRedis, startRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const TEXT = { roomId: 'room-1', message: 'hello' };
const users = (count: number): string[] => Array.from({ length: count }, (_none, index) => `user-${index}`);

let redis: StartedRedis;
let client: Redis;
let emulator: RtcEmulator;
let prefix: string;
let app: QueueApp;
beforeEach(async () => {
  redis = await startRedis({ own: true });
  client = new Redis(redis.url);
  emulator = await RtcEmulator.start({ quota: { requestsPerSecond: Number.POSITIVE_INFINITY } });
  prefix = ownPrefix();
  const rtc = { ...emulator.moduleOptions(), quota: { requestsPerSecond: 100_000 } };
  app = await startQueueApp(redis.url, { prefix, concurrency: 4 }, rtc);
});
afterEach(async () => {
  await app.close();
  client.disconnect();
  await emulator.close();
  await redis.stop();
});

describe('the outcome of a chunk that a worker has sent', () => {
  it('is recorded even while Redis is full', async () => {
    emulator.faults.replace([{ kind: 'late', delayMs: 500, probability: 1 }]);
    const handle = await app.queue.enqueue({ ...TEXT, to: users(20) }, { chunkSize: 10 });
    await until(async () => (await handle.progress()).inFlight === 2);
    await client.config('SET', 'maxmemory', '1');
    await until(async () => (await handle.progress()).counts.accepted === 20);
    expect((await handle.progress()).state).toBe('ended');
    await client.config('SET', 'maxmemory', '0');
    expect((await handle.result()).counts).toMatchObject({ accepted: 20, unknown: 0 });
  });

  it('is kept though BullMQ takes the worker for lost and gives it the job once more', async () => {
    emulator.faults.replace([{ kind: 'late', delayMs: 4_000 }]);
    const log = new LogLines();
    app.module.useLogger(log);
    const handle = await app.queue.enqueue({ ...TEXT, to: users(10) });
    await until(async () => (await handle.progress()).inFlight === 1);
    // As when Redis refuses to renew it for long.
    const job = `{${prefix}}:rtc-fan-out:${handle.id}.0`;
    await client.del(`${job}:lock`);
    await until(async () => Number(await client.hget(job, 'ats')) > 1);
    expect((await handle.result()).counts).toMatchObject({ accepted: 10, unknown: 0 });
    expect(emulator.accepted.total).toBe(10);
    // BullMQ's errors, in an operator's words, and once.
    await until(() => log.lines.length > 0);
    expect(log.lines).toEqual([expect.stringMatching(/^WARN A worker's hold on a chunk ran out/)]);
  });

  it("is not reported as lost when the chunk's job is gone, but not the chunk", async () => {
    emulator.faults.replace([{ kind: 'late', delayMs: 500 }]);
    const log = new LogLines();
    app.module.useLogger(log);
    const handle = await app.queue.enqueue({ ...TEXT, to: users(10) });
    await until(async () => (await handle.progress()).inFlight === 1);
    // As after a lost connection: BullMQ completes the job once more, and finds none.
    await client.del(`{${prefix}}:rtc-fan-out:${handle.id}.0`);
    expect((await handle.result()).counts).toMatchObject({ accepted: 10 });
    await app.close();
    expect(log.lines).toEqual([]);
  });

  it('is kept while Redis refuses to write, and recorded when it accepts writes again', async () => {
    emulator.faults.replace([{ kind: 'late', delayMs: 500 }]);
    const handle = await app.queue.enqueue({ ...TEXT, to: users(10) });
    await until(async () => (await handle.progress()).inFlight === 1);
    await client.config('SET', 'min-replicas-to-write', '1');
    await until(() => emulator.accepted.total === 10);
    // The worker has the answer, and has lost the job.
    await until(async () => (await client.exists(`{${prefix}}:rtc-fan-out:${handle.id}.0:lock`)) === 0);
    expect((await handle.progress()).counts.notAttempted).toBe(10);
    await client.config('SET', 'min-replicas-to-write', '0');
    expect((await handle.result()).counts).toMatchObject({ accepted: 10, unknown: 0 });
    expect(emulator.accepted.total).toBe(10);
  });

  it('does not keep an app from shutting down while Redis refuses to record it', async () => {
    emulator.faults.replace([{ kind: 'late', delayMs: 500 }]);
    const handle = await app.queue.enqueue({ ...TEXT, to: users(10) });
    await until(async () => (await handle.progress()).inFlight === 1);
    await client.config('SET', 'min-replicas-to-write', '1');
    await until(() => emulator.accepted.total === 10);
    await app.close();
  });
});
