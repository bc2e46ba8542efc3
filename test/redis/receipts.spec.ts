import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { setTimeout as sleep } from 'node:timers/promises';
import { MemoryReceiptStore, type ReceiptStore } from '../../lib/receipts/receipt-store.js';
import { RedisReceiptStore } from '../../lib/receipts/redis-receipt-store.js';
import { writeReceipts } from '../../lib/receiver/receipt-text.js';
import { ReceiptApp } from '../support/receipts.js';
import { type StartedRedis, startRedis } from '../support/redis.js';
import { rejectionOf } from '../support/rejection.js';

const LIMITS = { maxAwaited: 10, awaitMs: 1_000 };
const users = (count: number, prefix = 'user'): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}-${index}`);

let redis: StartedRedis;
let client: Redis;
beforeAll(async () => {
  redis = await startRedis();
  client = new Redis(redis.url);
});
beforeEach(() => client.flushall());
afterAll(async () => {
  client.disconnect();
  await redis.stop();
});

describe.each<[string, () => ReceiptStore]>([
  ['in memory', () => new MemoryReceiptStore(LIMITS)],
  ['in Redis', () => new RedisReceiptStore(client, 'default', LIMITS)],
])('receipts that are kept %s', (_where, open) => {
  let store: ReceiptStore;
  beforeEach(() => {
    store = open();
  });
  const confirm = async (messageId: string, userId: string) => (await store.confirm(userId, [messageId]))[0];

  it('are awaited, come, and are known by user', async () => {
    expect(await store.status('m1')).toBeUndefined();
    expect(await store.expect('m1', ['alice', 'bob', 'alice'])).toBe(true);
    const delay = await confirm('m1', 'alice');
    expect(typeof delay === 'number' && delay >= 0 && delay < 1_000).toBe(true);
    expect(await store.status('m1')).toEqual({
      confirmed: ['alice'],
      awaited: ['bob'],
      until: expect.any(Date),
    });
    expect(await confirm('m1', 'alice')).toBe('repeated');
    expect(await confirm('m1', 'carol')).toBe('not_addressed');
    expect(await confirm('m2', 'alice')).toBe('unknown_message');
    await store.expect('m2', ['bob']);
    expect(await store.confirm('bob', ['m2', 'm3', 'm1', 'm2'])).toEqual([
      expect.any(Number),
      'unknown_message',
      expect.any(Number),
      'repeated',
    ]);
  });

  it('are awaited from no more users than may be, and of none of those that would be too many', async () => {
    expect(await store.expect('m1', users(6))).toBe(true);
    expect(await store.expect('m2', users(5))).toBe(false);
    expect(await store.status('m2')).toBeUndefined();
    expect(await store.expect('m2', users(4))).toBe(true);
    // Who is awaited already, counts once.
    expect(await store.expect('m1', users(6))).toBe(true);
    expect(await store.expect('m1', users(7))).toBe(false);
    await confirm('m1', 'user-0');
    await store.withdraw('m2', ['user-0', 'user-1', 'nobody']);
    expect(await store.expect('m3', users(4))).toBe(false);
    expect(await store.expect('m3', users(3))).toBe(true);
  });

  it('are not awaited from those who were withdrawn, unless they had confirmed', async () => {
    await store.expect('m1', ['alice', 'bob', 'carol']);
    await confirm('m1', 'alice');
    await store.withdraw('m1', ['alice', 'bob']);
    await store.withdraw('m1', ['bob']);
    await store.withdraw('unknown', ['bob']);
    expect(await store.status('m1')).toMatchObject({ confirmed: ['alice'], awaited: ['carol'] });
    expect(await confirm('m1', 'bob')).toBe('not_addressed');
  });

  it('are forgotten when their time is over, which each request of the message puts off', async () => {
    await store.expect('m1', ['alice']);
    await store.expect('m2', users(5));
    await sleep(600);
    await store.expect('m1', ['bob']);
    await sleep(600);
    expect(await store.status('m1')).toMatchObject({ awaited: ['alice', 'bob'] });
    expect(await store.status('m2')).toBeUndefined();
    expect(await confirm('m2', 'user-0')).toBe('unknown_message');
    await store.withdraw('m2', ['user-0']);
    expect(await store.expect('m3', users(8))).toBe(true);
    expect(await store.expect('m4', ['one'])).toBe(false);
  });

  it('are kept for three times as many as may be awaited, and the oldest messages make room', async () => {
    for (let index = 0; index < 10; index++) {
      expect(await store.expect(`m${index}`, users(5))).toBe(true);
      for (const user of users(5)) await confirm(`m${index}`, user);
    }
    const known = await Promise.all(
      Array.from({ length: 10 }, async (_, index) => (await store.status(`m${index}`)) !== undefined),
    );
    expect(known).toEqual([...Array<boolean>(4).fill(false), ...Array<boolean>(6).fill(true)]);
  });
});

describe('receipts in Redis', () => {
  it('are seen by a process that waits, when another one is posted them', async () => {
    const emulator = await RtcEmulator.start();
    const receipts = { redis: client };
    const [one, other] = [
      await ReceiptApp.start(emulator, { receipts }),
      await ReceiptApp.start(emulator, { receipts }),
    ];
    const { messageId = '' } = await one.rooms.batchSend(
      { roomId: 'room-1', to: ['alice', 'bob'], message: 'hello' },
      { receipt: true },
    );
    const waiting = one.receipts.wait(messageId, { timeoutMs: 10_000 });
    expect(await other.post(writeReceipts([messageId]), other.signatureOf('alice'))).toBe(200);
    expect(await other.receipts.status(messageId)).toMatchObject({ confirmed: ['alice'], awaited: ['bob'] });
    expect(await other.post(writeReceipts([messageId]), other.signatureOf('bob'))).toBe(200);
    expect(await waiting).toMatchObject({ confirmed: ['alice', 'bob'], awaited: [] });
    expect([one.receipts.counts.confirmed, other.receipts.counts.confirmed]).toEqual([0, 2]);
    for (const server of [one, other]) await server.close();
    await emulator.close();
  });

  it('leave nothing behind in an idle Redis', async () => {
    const store = new RedisReceiptStore(client, 'default', LIMITS);
    await store.expect('m1', users(3));
    await store.confirm('user-0', ['m1']);
    const keys = await client.keys('*');
    expect(keys).toHaveLength(3);
    for (const key of keys) expect(await client.pttl(key)).toBeGreaterThan(0);
    expect(new Set(keys.map((key) => /\{.*\}/.exec(key)?.[0]))).toEqual(new Set(['{default}']));
  });
});

describe('a Redis that is away', () => {
  let away: Redis;
  afterEach(() => away.disconnect());

  it('lets no message be sent whose receipts would be lost, and has clients confirm again', async () => {
    away = new Redis({
      port: 1,
      retryStrategy: () => 100,
      maxRetriesPerRequest: null,
      disconnectTimeout: 10,
    });
    away.on('error', () => undefined);
    const emulator = await RtcEmulator.start();
    const server = await ReceiptApp.start(emulator, { receipts: { redis: away } });
    const error = await rejectionOf(
      server.rooms.send({ roomId: 'room-1', to: 'alice', message: 'hello' }, { receipt: true }),
    );
    expect(error).toMatchObject({
      code: 'RTC_QUOTA',
      outcome: 'not_attempted',
      message: 'The message was not sent: Redis, which keeps the receipts, does not answer.',
    });
    expect(
      await server.post(writeReceipts(['A'.repeat(16) + '0'.repeat(16)]), server.signatureOf('alice')),
    ).toBe(500);
    expect(emulator.requests).toHaveLength(0);
    await server.rooms.send({ roomId: 'room-1', to: 'alice', message: 'hello' }, { once: true });
    await server.close();
    await emulator.close();
  });
});
