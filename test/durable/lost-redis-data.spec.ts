import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import type { RtcAbortedError, RtcConfigError } from 'nestjs-rtc-messaging';
import type { FanOutEnqueueError } from 'nestjs-rtc-messaging/bullmq';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { ownPrefix, type QueueApp, type QueueAppOptions, startQueueApp } from '../support/fan-out-queue.js';
import { LogLines } from '../support/log-lines.js';
import { type StartedRedis, startRedis } from '../support/redis.js';
import { leaksIn } from '../support/printed.js';
import { rejectionOf } from '../support/rejection.js';
import { until } from '../support/until.js';

const TEXT = { roomId: 'room-1', message: 'CANARY-message' };

let redis: StartedRedis;
let client: Redis;
let emulator: RtcEmulator;
let app: QueueApp | undefined;
beforeEach(async () => {
  redis = await startRedis({ own: true });
  client = new Redis(redis.url);
  emulator = await RtcEmulator.start({ quota: { requestsPerSecond: Number.POSITIVE_INFINITY } });
});
afterEach(async () => {
  await app?.close();
  app = undefined;
  client.disconnect();
  await redis.stop();
  await emulator.close();
});

async function start(options: QueueAppOptions, requestsPerSecond = 100_000): Promise<QueueApp> {
  const rtc = { ...emulator.moduleOptions(), quota: { requestsPerSecond } };
  app = await startQueueApp(
    redis.url,
    { prefix: ownPrefix(), ...options },
    options.role === 'producer' ? undefined : rtc,
  );
  return app;
}

function* users(count: number): Generator<string> {
  for (let user = 0; user < count; user++) yield `CANARY-user-${user}`;
}

describe('the data of a durable fan-out in Redis', () => {
  it('lasts as long as the fan-out goes on, however short maxIdleMs is', async () => {
    // 40 chunks at 20 a second: twice as long as it may lie idle.
    const { queue } = await start({ maxIdleMs: 1_000, concurrency: 2 }, 20);
    const handle = await queue.enqueue({ ...TEXT, to: users(40) }, { chunkSize: 1 });
    expect(await handle.result()).toMatchObject({ status: 'accepted', counts: { accepted: 40 } });
  });

  it('is deleted with the fan-out that the service refused, recipients included', async () => {
    emulator.faults.add({ kind: 'error', code: 'AccessDenied', probability: 1 });
    const { queue } = await start({ retentionMs: 1_000, maxIdleMs: 3_600_000 });
    const handle = await queue.enqueue({ ...TEXT, to: users(100) }, { chunkSize: 10 });
    expect(await handle.result()).toMatchObject({ status: 'aborted', stop: { reason: 'refused' } });
    const keys = (): Promise<string[]> => client.keys(`*${handle.id}*`);
    await until(async () => (await keys()).length === 0);
  });

  it('is reported as lost when it is gone while the fan-out is enqueued, and nothing is left of it', async () => {
    const { queue } = await start({ role: 'producer' });
    const emptied = async function* (): AsyncGenerator<string> {
      yield* users(1_500);
      await client.flushall();
      yield* users(1_500);
    };
    const error = await rejectionOf<RtcAbortedError>(
      queue.enqueue({ ...TEXT, to: emptied() }, { id: 'emptied', chunkSize: 100 }),
    );
    expect(error).toMatchObject({ code: 'RTC_ABORTED', outcome: 'unknown' });
    expect(error.message).toContain('emptied is gone from Redis');
    expect(error.hint).toContain('may send to them twice');
    expect(await client.keys('*emptied*:meta')).toEqual([]);
    // Its ID is free again.
    await queue.enqueue({ ...TEXT, to: users(10) }, { id: 'emptied' });
  });

  it('is reported as lost when someone flushes it while chunks are sent, and no worker is blamed', async () => {
    const { queue, module } = await start({ concurrency: 2, lostAfterMs: 500 });
    const log = new LogLines();
    module.useLogger(log);
    emulator.faults.add({ kind: 'late', delayMs: 1_500, probability: 1 });
    const handle = await queue.enqueue({ ...TEXT, to: users(40) }, { chunkSize: 10 });
    await until(async () => (await handle.progress()).inFlight === 2);
    await client.flushall();
    // Both before and after the requests have been answered.
    await until(() => emulator.accepted.total >= 20);
    await until(() =>
      log.lines.some((line) => line.startsWith('WARN Redis has lost what it held of a fan-out')),
    );
    await app?.close();
    app = undefined;
    expect(log.lines.filter((line) => /worker's hold|taken for lost/.test(line))).toEqual([]);
  });

  it.each([['message'], ['chunks'], ['ledger'], ['chunks', 'ledger']])(
    'is reported as lost in part when Redis evicts %s, and those without an outcome are unknown',
    async (...parts: string[]) => {
      const { queue } = await start({ concurrency: 2 });
      // Five seconds in all, so that it is under way when the keys go.
      emulator.faults.add({ kind: 'late', delayMs: 500, probability: 1 });
      const handle = await queue.enqueue({ ...TEXT, to: users(200) }, { chunkSize: 10 });
      await until(async () => (await handle.progress()).counts.accepted > 0);
      // At once: of what is known to be lost, the rest is deleted.
      const lost = await Promise.all(parts.map((part) => client.keys(`*${handle.id}:${part}`)));
      await client.del(lost.flat());
      const report = await handle.result();
      expect(report.stop).toMatchObject({
        reason: 'refused',
        error: { code: 'DATA_LOST', outcome: 'unknown' },
      });
      const { accepted, unknown, notAttempted } = report.counts;
      expect(accepted).toBeGreaterThan(0);
      expect([accepted + unknown, notAttempted]).toEqual([200, 0]);
      // Requests in flight end, and change nothing.
      await until(async () => (await client.keys('*:lock')).length === 0);
      expect((await handle.progress()).counts).toEqual(report.counts);
      await handle.resume();
      expect((await handle.result()).counts).toEqual(report.counts);
      expect(emulator.accepted.duplicates()).toEqual([]);
    },
  );

  it('is in no error, however it is printed', async () => {
    const { queue } = await start({ role: 'producer' });
    await client.config('SET', 'maxmemory-policy', 'noeviction');
    await client.config('SET', 'maxmemory', '1');
    const error = await rejectionOf<FanOutEnqueueError>(queue.enqueue({ ...TEXT, to: users(1_000) }));
    expect(error).toMatchObject({ code: 'RTC_ABORTED', outcome: 'unknown' });
    expect((error.cause as Error).message).toContain('OOM');
    expect(error.message).toContain(error.fanOutId);
    expect(await leaksIn(error)).toEqual([]);
    await client.config('SET', 'maxmemory', '0');
  });

  it('can not be reached by an invalid URL, whose password is not shown', async () => {
    const connection = 'redis://user:p/a?ss#WORD@127.0.0.1:6379';
    const error = await rejectionOf<RtcConfigError>(
      startQueueApp(connection, { prefix: ownPrefix(), role: 'producer' }),
    );
    expect(error).toMatchObject({ code: 'RTC_CONFIG' });
    expect(error.message).toContain('percent-encoded');
    expect(await leaksIn(error, /#WORD/)).toEqual([]);
  });
});
