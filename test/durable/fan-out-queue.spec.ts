import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { RtcValidationError } from 'nestjs-rtc-messaging';
import type { DurableFanOutReport, FanOutHandle } from 'nestjs-rtc-messaging/bullmq';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { ownPrefix, type QueueApp, type QueueAppOptions, startQueueApp } from '../support/fan-out-queue.js';
import { type StartedRedis, startRedis } from '../support/redis.js';
import { rejectionOf } from '../support/rejection.js';

const TEXT = { roomId: 'room-1', message: 'hello' };

let redis: StartedRedis;
let client: Redis;
let emulator: RtcEmulator;
let prefix: string;
let apps: QueueApp[] = [];
beforeAll(async () => {
  redis = await startRedis();
  client = new Redis(redis.url);
});
afterAll(async () => {
  client.disconnect();
  await redis.stop();
});
beforeEach(async () => {
  prefix = ownPrefix();
  emulator = await RtcEmulator.start({ requestsPerSecond: Number.POSITIVE_INFINITY });
});
afterEach(async () => {
  await Promise.all(apps.map((app) => app.close()));
  apps = [];
  await emulator.close();
  const keys = await client.keys(`{${prefix}}*`);
  if (keys.length > 0) await client.del(keys);
});

async function start(options: QueueAppOptions = {}): Promise<QueueApp> {
  const app = await startQueueApp(
    redis.url,
    { prefix, ...options },
    options.role === 'producer'
      ? undefined
      : { ...emulator.moduleOptions(), quota: { requestsPerSecond: 100_000 } },
  );
  apps.push(app);
  return app;
}

const users = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_none, index) => `user-${from + index}`);
const addsUp = ({ counts }: Pick<DurableFanOutReport, 'counts'>): boolean => {
  const { input, ...rest } = counts;
  return input === Object.values(rest).reduce((sum, count) => sum + count);
};
const timesSent = (ids: readonly string[], message = 'hello'): number[] =>
  ids.map((id) => emulator.deliveries.count(id, message));
const unacceptedOf = async (handle: FanOutHandle): Promise<string[]> => {
  const all: string[] = [];
  for await (const { userId, outcome } of handle.unaccepted()) all.push(`${outcome} ${userId}`);
  return all.sort();
};

describe('a durable fan-out', () => {
  it('sends to everyone, and reports as fanOut does', async () => {
    const { queue } = await start();
    const handle = await queue.enqueue({ ...TEXT, to: ['a b', 'user-0', ...users(1_500)] });
    expect(await handle.result()).toEqual({
      id: handle.id,
      status: 'partial',
      counts: {
        input: 1_502,
        duplicates: 1,
        invalid: 1,
        accepted: 1_500,
        rejected: 0,
        unknown: 0,
        notAttempted: 0,
      },
      chunks: [],
      invalid: [{ position: 0, message: expect.stringContaining('contains a space') }],
      unaccepted: { rejected: [], unknown: [], notAttempted: [], truncated: false },
      elapsedMs: expect.any(Number),
      requests: 3,
      throttled: 0,
    });
    expect(timesSent(users(1_500)).every((times) => times === 1)).toBe(true);
  });

  it('has a handle that is found by its ID from another process, and progress that adds up', async () => {
    const producer = await start({ role: 'producer' });
    const { id } = await producer.queue.enqueue({ ...TEXT, to: users(1_000) }, { id: 'class-7' });
    expect(id).toBe('class-7');
    const worker = await start({ role: 'worker' });
    const handle = await worker.queue.get('class-7');
    const report = await handle?.result();
    expect(report?.status).toBe('accepted');
    const progress = await handle?.progress();
    expect(progress).toMatchObject({ id, state: 'ended', done: 1_000, total: 1_000, inFlight: 0 });
    expect(addsUp(progress!)).toBe(true);
    expect(await worker.queue.get('class-8')).toBeUndefined();
  });

  it('is the same one when it is enqueued twice under one ID, and no other may have that ID', async () => {
    const { queue } = await start();
    const [one, two] = await Promise.all([
      queue.enqueue({ ...TEXT, to: users(3_000) }, { id: 'once' }),
      queue.enqueue({ ...TEXT, to: users(3_000) }, { id: 'once' }),
    ]);
    const reports = await Promise.all([one.result(), two.result()]);
    expect(reports[0]).toEqual(reports[1]);
    expect(reports[0].counts).toMatchObject({ input: 3_000, accepted: 3_000 });
    await queue.enqueue({ ...TEXT, to: users(3_000) }, { id: 'once' });
    expect(timesSent(users(3_000)).every((times) => times === 1)).toBe(true);
    const error = await rejectionOf<RtcValidationError>(
      queue.enqueue({ ...TEXT, message: 'something else', to: users(3_000) }, { id: 'once' }),
    );
    expect(error).toBeInstanceOf(RtcValidationError);
    expect(error.issues[0]?.path).toBe('options.id');
    expect(JSON.stringify(error)).not.toContain('something else');
  });
});
