import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable, Module, type INestApplicationContext, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Redis } from 'ioredis';
import { RtcMessagingModule } from 'nestjs-rtc-messaging';
import { FanOutQueueService, RtcFanOutQueueModule } from 'nestjs-rtc-messaging/bullmq';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { ownPrefix, type QueueAppOptions } from '../support/fan-out-queue.js';
import { type StartedRedis, startRedis } from '../support/redis.js';

@Injectable()
class Sender {
  constructor(readonly queue: FanOutQueueService) {}
}

/** A feature's module, with a queue of its own. */
interface Feature {
  readonly module: Type;
  readonly redis: StartedRedis;
  readonly prefix: string;
}

let shared: StartedRedis;
let another: StartedRedis;
let emulator: RtcEmulator;
let features: Feature[] = [];
let app: INestApplicationContext | undefined;
beforeAll(async () => {
  [shared, another] = await Promise.all([startRedis(), startRedis({ own: true })]);
});
afterAll(async () => {
  await Promise.all([shared.stop(), another.stop()]);
});
beforeEach(async () => {
  emulator = await RtcEmulator.start({ quota: { requestsPerSecond: Number.POSITIVE_INFINITY } });
});
afterEach(async () => {
  await app?.close();
  app = undefined;
  await emulator.close();
  for (const { redis, prefix } of features) {
    const client = new Redis(redis.url);
    const keys = await client.keys(`{${prefix}}*`);
    if (keys.length > 0) await client.del(keys);
    client.disconnect();
  }
  features = [];
});

function feature(redis: StartedRedis, prefix: string, options: QueueAppOptions = {}): Feature {
  @Module({
    imports: [
      RtcFanOutQueueModule.forRoot({ connection: redis.url, prefix, lostAfterMs: 1_000, ...options }),
    ],
    providers: [Sender],
  })
  class FeatureModule {}
  const made = { module: FeatureModule, redis, prefix };
  features.push(made);
  return made;
}

async function boot(moduleIdGeneratorAlgorithm: 'reference' | 'deep-hash' = 'reference'): Promise<void> {
  @Module({
    imports: [
      RtcMessagingModule.forRoot({ ...emulator.moduleOptions(), quota: { requestsPerSecond: 100_000 } }),
      ...features.map(({ module }) => module),
    ],
  })
  class AppModule {}
  app = await NestFactory.createApplicationContext(AppModule, { logger: false, moduleIdGeneratorAlgorithm });
}

const queueOf = ({ module }: Feature): FanOutQueueService =>
  app!.select(module).get(Sender, { strict: true }).queue;
const sendThrough = async (one: Feature, name: string): Promise<void> => {
  const to = [`${name}-1`, `${name}-2`];
  const handle = await queueOf(one).enqueue({ roomId: 'room-1', message: 'hello', to }, { id: name });
  expect(await handle.result()).toMatchObject({ status: 'accepted' });
  expect(to.map((userId) => emulator.accepted.count(userId, 'hello'))).toEqual([1, 1]);
};
/** The features whose keys in Redis name the fan-out. */
const whereIs = async (name: string): Promise<Feature[]> => {
  const holders: Feature[] = [];
  for (const one of features) {
    const client = new Redis(one.redis.url);
    if ((await client.keys(`{${one.prefix}}*:${name}:meta`)).length > 0) holders.push(one);
    client.disconnect();
  }
  return holders;
};

describe('two queues of one name in an app', () => {
  it.each(['reference', 'deep-hash'] as const)(
    'both send, where they differ by their prefix and Nest distinguishes modules by %s',
    async (algorithm) => {
      const [one, two] = [feature(shared, ownPrefix()), feature(shared, ownPrefix())];
      await boot(algorithm);
      await sendThrough(one, 'first');
      await sendThrough(two, 'second');
      expect(await whereIs('first')).toEqual([one]);
      expect(await whereIs('second')).toEqual([two]);
    },
  );

  it('both send, where they differ by their Redis', async () => {
    const prefix = ownPrefix();
    const [one, two] = [feature(shared, prefix), feature(another, prefix)];
    await boot();
    await sendThrough(one, 'first');
    await sendThrough(two, 'second');
    expect(await whereIs('first')).toEqual([one]);
    expect(await whereIs('second')).toEqual([two]);
  });

  it('are separate, where one enqueues and the other sends', async () => {
    const worker = feature(another, ownPrefix());
    const producer = feature(shared, ownPrefix(), { role: 'producer' });
    await boot();
    const handle = await queueOf(producer).enqueue({ roomId: 'room-1', message: 'hello', to: ['waiting'] });
    await sendThrough(worker, 'sent');
    expect((await handle.progress()).counts).toMatchObject({ accepted: 0, notAttempted: 1 });
  });
});
