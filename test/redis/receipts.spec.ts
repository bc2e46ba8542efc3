import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import type { RtcNetworkError } from 'nestjs-rtc-messaging';
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

let requests = 0;
const requestOf = (messageId: string, userIds: string[]) => ({
  messageId,
  request: `r${requests++}`,
  userIds,
});
const expectFrom = (store: ReceiptStore, messageId: string, userIds: string[]): Promise<boolean> =>
  store.expect(requestOf(messageId, userIds), 1_000);

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
    expect(await expectFrom(store, 'm1', ['alice', 'bob'])).toBe(true);
    const delay = await confirm('m1', 'alice');
    expect(typeof delay === 'number' && delay >= 0 && delay < 1_000).toBe(true);
    expect(await store.status('m1')).toEqual({
      confirmed: ['alice'],
      awaited: ['bob'],
      notSent: [],
      until: expect.any(Date),
    });
    expect(await confirm('m1', 'alice')).toBe('repeated');
    expect(await confirm('m1', 'carol')).toBe('not_addressed');
    expect(await confirm('m2', 'alice')).toBe('unknown_message');
    await expectFrom(store, 'm2', ['bob']);
    expect(await store.confirm('bob', ['m2', 'm3', 'm1', 'm2'])).toEqual([
      expect.any(Number),
      'unknown_message',
      expect.any(Number),
      'repeated',
    ]);
  });

  it('are awaited from no more users than may be, and of none of those that would be too many', async () => {
    expect(await expectFrom(store, 'm1', users(6))).toBe(true);
    expect(await expectFrom(store, 'm2', users(5))).toBe(false);
    expect(await store.status('m2')).toBeUndefined();
    expect([await store.hasRoomFor(4), await store.hasRoomFor(5)]).toEqual([true, false]);
    const second = requestOf('m2', users(4));
    expect(await store.expect(second, 1_000)).toBe(true);
    // Who is awaited already, counts once.
    expect(await expectFrom(store, 'm1', users(6))).toBe(true);
    expect(await expectFrom(store, 'm1', users(7))).toBe(false);
    await confirm('m1', 'user-0');
    expect(await expectFrom(store, 'm3', users(2))).toBe(false);
    await store.withdraw(second);
    expect(await expectFrom(store, 'm3', users(6))).toBe(false);
    expect(await expectFrom(store, 'm3', users(5))).toBe(true);
  });

  it('are not awaited by a request that was withdrawn, unless they had come or another one has them too', async () => {
    const first = requestOf('m1', ['alice', 'bob', 'carol']);
    const second = requestOf('m1', ['bob', 'dave']);
    for (const request of [first, second]) expect(await store.expect(request, 1_000)).toBe(true);
    await confirm('m1', 'alice');
    await store.withdraw(first);
    await store.withdraw(requestOf('unknown', ['bob']));
    const now = { confirmed: ['alice'], awaited: ['bob', 'dave'], notSent: ['carol'] };
    expect(await store.status('m1')).toMatchObject(now);
    expect(await store.countAwaited('m1')).toBe(2);
    expect(await store.status('unknown')).toBeUndefined();
    expect(await confirm('m1', 'carol')).toBe('not_addressed');
    await store.withdraw(second);
    expect(await store.status('m1')).toMatchObject({ awaited: [], notSent: ['bob', 'carol', 'dave'] });
    expect(await expectFrom(store, 'm1', ['carol', 'alice'])).toBe(true);
    expect(await store.status('m1')).toMatchObject({ confirmed: ['alice'], awaited: ['carol'] });
    expect(await store.hasRoomFor(9)).toBe(true);
    expect(await store.hasRoomFor(10)).toBe(false);
  });

  it('are forgotten when their time is over, which each request of the message puts off', async () => {
    await expectFrom(store, 'm1', ['alice']);
    const late = requestOf('m2', users(5));
    await store.expect(late, 1_000);
    await sleep(600);
    await expectFrom(store, 'm1', ['bob']);
    await sleep(600);
    expect(await store.status('m1')).toMatchObject({ awaited: ['alice', 'bob'] });
    expect(await store.status('m2')).toBeUndefined();
    expect(await confirm('m2', 'user-0')).toBe('unknown_message');
    await store.withdraw(late);
    expect(await expectFrom(store, 'm3', users(8))).toBe(true);
    expect(await expectFrom(store, 'm4', ['one'])).toBe(false);
  });

  it('are kept for three times as many as may be awaited, and the oldest messages make room', async () => {
    for (let index = 0; index < 10; index++) {
      expect(await expectFrom(store, `m${index}`, users(5))).toBe(true);
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

  it('count a request once, and not at all when it comes after it was withdrawn', async () => {
    const store = new RedisReceiptStore(client, 'default', LIMITS);
    const late = requestOf('m1', users(10));
    await store.withdraw(late);
    await store.expect(late);
    expect(await store.status('m1')).toBeUndefined();
    const twice = requestOf('m1', users(10));
    for (let time = 0; time < 2; time++) expect(await store.expect(twice)).toBe(true);
    for (let time = 0; time < 2; time++) await store.withdraw(twice);
    expect(await store.status('m1')).toMatchObject({ awaited: [], notSent: { length: 10 } });
    expect(await store.hasRoomFor(10)).toBe(true);
  });

  it('are counted right by processes with different options, however late one withdraws', async () => {
    const short = new RedisReceiptStore(client, 'default', LIMITS);
    const long = new RedisReceiptStore(client, 'default', { maxAwaited: 10, awaitMs: 60_000 });
    expect(await expectFrom(long, 'm1', users(4))).toBe(true);
    const over = requestOf('m2', users(5));
    await short.expect(over);
    await sleep(2_300);
    await short.withdraw(over);
    expect(await long.status('m1')).toMatchObject({ awaited: { length: 4 } });
    expect([await short.hasRoomFor(6), await short.hasRoomFor(7)]).toEqual([true, false]);
    for (const key of await client.keys('*')) expect(await client.pttl(key)).toBeGreaterThan(0);
    expect(await client.hgetall('rtc:receipts:{default}:totals')).toEqual({
      'awaited:': '4',
      'kept:': '4',
      'awaited:m1': '4',
      'kept:m1': '4',
    });
  });

  it('are forgotten by many short scripts, so that nobody else waits for Redis', async () => {
    const store = new RedisReceiptStore(client, 'default', { maxAwaited: 100_000, awaitMs: 1_000 });
    for (let batch = 0; batch < 20; batch++) {
      await Promise.all(
        Array.from({ length: 1_000 }, (_, index) => expectFrom(store, `m${batch}-${index}`, ['alice'])),
      );
    }
    await sleep(1_100);
    await client.config('SET', 'slowlog-log-slower-than', 100_000);
    await client.call('SLOWLOG', 'RESET');
    expect(await expectFrom(store, 'last', ['alice'])).toBe(true);
    expect(await client.call('SLOWLOG', 'LEN')).toBe(0);
    expect(await client.keys('*')).toHaveLength(3);
  });

  it('leave nothing behind in an idle Redis', async () => {
    const store = new RedisReceiptStore(client, 'default', LIMITS);
    await expectFrom(store, 'm1', users(3));
    await store.confirm('user-0', ['m1']);
    const keys = await client.keys('*');
    expect(keys).toHaveLength(3);
    for (const key of keys) expect(await client.pttl(key)).toBeGreaterThan(0);
    expect(new Set(keys.map((key) => /\{.*\}/.exec(key)?.[0]))).toEqual(new Set(['{default}']));
  });
});

describe('a Redis that stands still', () => {
  it('awaits nobody of a message that was refused for it, once it goes on', async () => {
    const emulator = await RtcEmulator.start();
    const server = await ReceiptApp.start(emulator, { receipts: { redis: client, maxAwaited: 10 } });
    const to = users(6);
    await server.rooms.batchSend({ roomId: 'room-1', to: ['alice'], message: 'hello' }, { receipt: true });
    await client.call('CLIENT', 'PAUSE', 1_500, 'ALL');
    await sleep(50);
    const begun = performance.now();
    const error = await rejectionOf<RtcNetworkError>(
      server.rooms.batchSend({ roomId: 'room-1', to, message: 'hello' }, { receipt: true, deadlineMs: 300 }),
    );
    expect(performance.now() - begun).toBeLessThan(1_000);
    expect(error).toMatchObject({ code: 'RTC_NETWORK', outcome: 'not_attempted' });
    const asked = await rejectionOf(server.receipts.status(String(error.messageId)));
    expect(asked).toMatchObject({ code: 'RTC_NETWORK' });
    await sleep(500);
    expect(emulator.requests).toHaveLength(1);
    expect(await server.receipts.status(String(error.messageId))).toMatchObject({ awaited: [], notSent: to });
    await server.rooms.batchSend({ roomId: 'room-1', to, message: 'hello' }, { receipt: true });
    await server.close();
    await emulator.close();
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
      code: 'RTC_NETWORK',
      outcome: 'not_attempted',
      messageId: expect.any(String),
      message: 'The receipts are not known: Redis, which keeps them, does not answer.',
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
