import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import type { RtcNetworkError, RtcReceiptEvent } from 'nestjs-rtc-messaging';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { setTimeout as sleep } from 'node:timers/promises';
import { MemoryReceiptStore, type ReceiptStore } from '../../lib/receipts/receipt-store.js';
import { createRedisStore } from '../../lib/receipts/redis-receipt-store.js';
import { writeReceipts } from '../../lib/receiver/frame.js';
import { ReceiptApp } from '../support/receipts.js';
import { redisForSuite } from '../support/redis.js';
import { rejectionOf } from '../support/rejection.js';
import { until } from '../support/until.js';

const LIMITS = { maxAwaited: 10, awaitMs: 60_000 };
/** So short that a test can see them end, and so long that a busy machine comes in time. */
const SHORT = { ...LIMITS, awaitMs: 2_000 };
const users = (count: number, prefix = 'user'): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}-${index}`);

const redis = redisForSuite();
beforeEach(() => redis.client.flushall());

const NOBODY = { confirmed: [], awaited: [] };
const isAnswering = ({ receipts }: ReceiptApp): Promise<boolean> =>
  receipts.status('a message of nobody').then(
    () => true,
    () => false,
  );

describe.each<[string, (limits: ReceiptStore['limits']) => ReceiptStore]>([
  ['in memory', (limits) => new MemoryReceiptStore(limits)],
  ['in Redis', (limits) => createRedisStore('default', redis.client, limits)],
])('receipts that are kept %s', (_where, open) => {
  let store: ReceiptStore;
  beforeEach(() => {
    store = open(LIMITS);
  });
  const confirm = async (messageId: string, userId: string) => {
    const { status, delayMs } = await store.confirm(messageId, userId);
    return delayMs ?? status;
  };
  const awaited = async (messageId: string): Promise<number | undefined> =>
    (await store.look([messageId]))[1];
  const roomLeft = async (): Promise<number> => LIMITS.maxAwaited - ((await store.look([]))[0] ?? 0);
  const statusOf = async (messageId: string) => {
    const { confirmed, awaited: others } = await store.status(messageId);
    return { confirmed: Object.values(confirmed), awaited: Object.values(others) };
  };

  it('are awaited, come, and are known by user', async () => {
    expect(await statusOf('m1')).toEqual(NOBODY);
    expect(await awaited('m1')).toBe(0);
    await store.expect('m1', ['alice', 'bob']);
    expect(await awaited('m1')).toBe(2);
    const delay = await confirm('m1', 'alice');
    expect(typeof delay === 'number' && delay >= 0 && delay < LIMITS.awaitMs).toBe(true);
    expect(await awaited('m1')).toBe(1);
    const { leftMs } = await store.status('m1');
    expect(await statusOf('m1')).toEqual({ confirmed: ['alice'], awaited: ['bob'] });
    expect(Math.abs(leftMs - LIMITS.awaitMs)).toBeLessThan(LIMITS.awaitMs / 2);
    expect(await confirm('m1', 'alice')).toBe('repeated');
    expect(await confirm('m1', 'carol')).toBe('not_awaited');
    expect(await confirm('m2', 'alice')).toBe('not_awaited');
  });

  it('leave room for as many as may be awaited, who each count once in a message', async () => {
    await store.expect('m1', users(6));
    expect(await roomLeft()).toBe(4);
    expect(await store.expect('m1', users(11))).toBe(false);
    expect(await store.expect('m2', users(5))).toBe(false);
    expect(await statusOf('m2')).toEqual(NOBODY);
    await store.expect('m1', users(7));
    expect(await roomLeft()).toBe(3);
    await confirm('m1', 'user-0');
    expect(await roomLeft()).toBe(4);
    await store.expect('m2', users(3));
    expect(await roomLeft()).toBe(1);
    for (let time = 0; time < 2; time++) await store.withdraw('m2', users(3));
    expect(await roomLeft()).toBe(4);
  });

  it('are not awaited from users of a request that was withdrawn, unless they had come', async () => {
    await store.expect('m1', ['alice', 'bob', 'carol']);
    await store.expect('m1', ['dave']);
    await confirm('m1', 'alice');
    for (let time = 0; time < 2; time++) await store.withdraw('m1', ['alice', 'bob', 'carol']);
    await store.withdraw('unknown', ['dave']);
    expect(await awaited('m1')).toBe(1);
    expect(await statusOf('m1')).toEqual({ confirmed: ['alice'], awaited: ['dave'] });
    expect(await statusOf('unknown')).toEqual(NOBODY);
    expect(await confirm('m1', 'carol')).toBe('not_awaited');
    await store.withdraw('m1', ['dave']);
    expect(await statusOf('m1')).toEqual({ confirmed: ['alice'], awaited: [] });
    await store.expect('m1', ['carol', 'alice']);
    expect(await statusOf('m1')).toEqual({ confirmed: ['alice'], awaited: ['carol'] });
    expect(await roomLeft()).toBe(9);
  });

  it('are known of users and messages with the names of what JavaScript and the store have', async () => {
    const names = ['__proto__', 'constructor', 'all', 'awaited', 'ends', 'hasOwnProperty', ':', '!'];
    for (const id of names) expect(await statusOf(id)).toEqual(NOBODY);
    for (const id of names) expect(await confirm(id, '__proto__')).toBe('not_awaited');
    await store.expect('__proto__', names);
    for (const userId of names.slice(1))
      expect(await confirm('__proto__', userId)).toEqual(expect.any(Number));
    const status = await statusOf('__proto__');
    expect(status.awaited).toEqual(['__proto__']);
    expect(status.confirmed.toSorted()).toEqual(names.slice(1).toSorted());
    expect(await roomLeft()).toBe(9);
  });

  it('are timed, and awaited, from the last attempt of a request', async () => {
    store = open(SHORT);
    await store.expect('m1', users(2));
    await sleep(1_000);
    const last = performance.now();
    await store.expect('m1', users(2));
    await sleep(1_050);
    expect(await awaited('m1')).toBe(2);
    expect(await roomLeft()).toBe(8);
    const delay = Number(await confirm('m1', 'user-0'));
    expect(delay).toBeGreaterThan(900);
    expect(delay).toBeLessThanOrEqual(performance.now() - last + 50);
  });

  it('are forgotten when their time is over, which each request of the message puts off', async () => {
    store = open(SHORT);
    await store.expect('m1', ['alice']);
    await store.expect('m2', users(5));
    await sleep(1_000);
    await store.expect('m1', ['bob']);
    await sleep(1_050);
    expect(await statusOf('m1')).toMatchObject({ awaited: ['alice', 'bob'] });
    expect(await statusOf('m2')).toEqual(NOBODY);
    expect(await confirm('m2', 'user-0')).toBe('not_awaited');
    await store.withdraw('m2', users(5));
    expect(await roomLeft()).toBe(8);
  });

  it('are unknown of a message that everybody was refused', async () => {
    await store.expect('m1', users(3));
    await store.withdraw('m1', users(3));
    expect(await statusOf('m1')).toEqual(NOBODY);
    expect(await confirm('m1', 'user-0')).toBe('not_awaited');
    // As for another attempt of a chunk.
    await store.expect('m1', users(2));
    expect(await statusOf('m1')).toEqual({ confirmed: [], awaited: users(2) });
    expect(await roomLeft()).toBe(8);
  });
});

describe('receipts in memory', () => {
  let store: MemoryReceiptStore;
  beforeEach(() => {
    store = new MemoryReceiptStore({ ...LIMITS, awaitMs: 60_000 });
  });
  const knownOf = async (messageId: string): Promise<number> => {
    const { confirmed, awaited } = await store.status(messageId);
    return confirmed.length + awaited.length;
  };

  it('of messages that are done are forgotten first, and of one that is awaited nobody who is awaited', async () => {
    await store.expect('first', ['silent', 'alice']);
    await store.confirm('first', 'alice');
    for (let index = 0; index < 10; index++) {
      await store.expect(`m${index}`, users(5));
      for (const user of users(5)) await store.confirm(`m${index}`, user);
    }
    const known = await Promise.all(users(10).map((_, index) => knownOf(`m${index}`)));
    expect(known).toEqual([0, 0, 0, 0, 0, 0, 5, 5, 5, 5]);
    expect(await store.status('first')).toMatchObject({ confirmed: [], awaited: ['silent'] });
    expect(await store.confirm('first', 'alice')).toEqual({ status: 'not_awaited' });
    expect(await store.confirm('first', 'silent')).toMatchObject({ status: 'confirmed', left: 0 });
  });

  it('of one large message are bounded as well, also when all were refused', async () => {
    for (let chunk = 0; chunk < 100; chunk++) {
      await store.expect('confirmed', users(5, `c${chunk}`));
      for (const userId of users(5, `c${chunk}`)) await store.confirm('confirmed', userId);
      await store.expect('refused', users(5, `c${chunk}`));
      await store.withdraw('refused', users(5, `c${chunk}`));
    }
    expect((await knownOf('confirmed')) + (await knownOf('refused'))).toBeLessThanOrEqual(20);
    expect(await store.look([])).toEqual([0]);
  });
});

describe('receipts in Redis', () => {
  const ROOM = { roomId: 'room-1', message: 'hello' };
  const keyOf = (messageId: string): string => `rtc:{receipts:default}:${messageId}`;
  let emulator: RtcEmulator;
  let one: ReceiptApp;
  let other: ReceiptApp;
  beforeEach(async () => {
    emulator = await RtcEmulator.start();
    const receipts = { redis: redis.client, maxAwaited: 20 };
    one = await ReceiptApp.start(emulator, { receipts });
    other = await ReceiptApp.start(emulator, { receipts });
  });
  afterEach(async () => {
    for (const server of [one, other]) await server.close();
    await emulator.close();
  });
  const sendTo = async (to: string[]): Promise<string> =>
    String((await one.rooms.batchSend({ ...ROOM, to }, { receipt: true })).messageId);

  it('are seen by a process that waits, when another one is posted them', async () => {
    const messageId = await sendTo(['alice', 'bob']);
    const waiting = one.receipts.wait(messageId, { timeoutMs: 10_000 });
    expect(await other.post(writeReceipts([messageId]), other.signatureOf('alice'))).toBe(200);
    expect(await other.receipts.status(messageId)).toMatchObject({ confirmed: ['alice'], awaited: ['bob'] });
    expect(await other.post(writeReceipts([messageId]), other.signatureOf('bob'))).toBe(200);
    expect(await waiting).toMatchObject({ confirmed: ['alice', 'bob'], awaited: [] });
    expect(one.counts.confirmed).toBe(2);
  });

  it('end a wait soon after the last one was posted to another process', async () => {
    const messageId = await sendTo(['alice']);
    const waiting = one.receipts.wait(messageId, { timeoutMs: 30_000 });
    await sleep(150);
    const begun = performance.now();
    await other.post(writeReceipts([messageId]), other.signatureOf('alice'));
    expect(await waiting).toMatchObject({ awaited: [] });
    expect(performance.now() - begun).toBeLessThan(15_000);
  });

  it('cost Redis a few commands a second while 2,000 messages are waited for', async () => {
    const store = createRedisStore('default', redis.client, { maxAwaited: 5_000, awaitMs: 60_000 });
    const ids = users(2_000, 'message');
    for (const id of ids) await store.expect(id, ['alice']);
    const waits = ids.map((id) => one.receipts.wait(id, { timeoutMs: 4_000 }));
    await sleep(1_500);
    const stats = async (): Promise<readonly [calls: number, microseconds: number]> => {
      const [, calls, usec] =
        /cmdstat_evalsha:calls=(\d+),usec=(\d+)/.exec(await redis.client.info('commandstats')) ?? [];
      return [Number(calls), Number(usec)];
    };
    const [before, begun] = [await stats(), performance.now()];
    await sleep(2_000);
    const [calls = 0, usec = 0] = (await stats()).map((value, at) => value - (before[at] ?? 0));
    const ms = performance.now() - begun;
    process.stdout.write(`\n2,000 waits for ${Math.round(ms)} ms: ${calls} commands, ${usec} µs\n`);
    expect(calls / ms).toBeLessThan(20 / 1_000);
    expect(usec / 1_000 / ms).toBeLessThan(0.2);
    for (const status of await Promise.all(waits)) expect(status).toMatchObject({ awaited: ['alice'] });
  });

  it('of a module with another name are others, with room of their own', async () => {
    const [mine, others] = ['mine', 'others'].map((name) => createRedisStore(name, redis.client, LIMITS));
    expect(await mine!.expect('m1', users(10))).toBe(true);
    expect(await others!.confirm('m1', 'user-0')).toEqual({ status: 'not_awaited' });
    expect(await others!.expect('m1', ['user-0', ...users(9, 'other')])).toBe(true);
    await others!.withdraw('m1', users(10));
    expect(await mine!.look(['m1'])).toEqual([10, 10]);
    expect(await others!.look(['m1'])).toEqual([9, 9]);
  });

  it('that were posted to another process make room here', async () => {
    const first = await sendTo(users(15));
    for (const userId of users(15)) await other.post(writeReceipts([first]), other.signatureOf(userId));
    await sendTo(users(20));
    expect(await rejectionOf(sendTo(['one-more']))).toMatchObject({ code: 'RTC_QUOTA' });
  });

  it('are unknown when Redis has lost them, and not taken for confirmed', async () => {
    const messageId = await sendTo(users(15));
    const waiting = one.receipts.wait(messageId, { timeoutMs: 5_000 });
    await sleep(100);
    await redis.client.flushall();
    expect(await waiting).toBeUndefined();
    expect(await one.receipts.status(messageId)).toBeUndefined();
    await one.post(writeReceipts([messageId]), one.signatureOf('user-0'));
    expect(one.counts).toMatchObject({ confirmed: 0, not_awaited: 1 });
    expect(await redis.client.keys('*')).toEqual([]);
    await sendTo(users(20));
  });

  it('of a fan-out whose first part Redis has lost are those of the rest', async () => {
    const { messageId } = await one.rooms.fanOut(
      { ...ROOM, to: users(4) },
      {
        receipt: true,
        chunkSize: 2,
        concurrency: 1,
        onChunk: async ({ index }) => {
          if (index === 0) await redis.client.flushall();
        },
      },
    );
    expect(await one.receipts.status(String(messageId))).toMatchObject({ awaited: ['user-2', 'user-3'] });
  });

  it('took no negative time when the clock of Redis was set back', async () => {
    const delays: unknown[] = [];
    const note = (event: unknown): void => void delays.push((event as RtcReceiptEvent).delayMs);
    subscribe('nestjs-rtc-messaging:receipt', note);
    const messageId = await sendTo(['alice']);
    await redis.client.hset(keyOf(messageId), 'alice', Date.now() + 60_000);
    await one.post(writeReceipts([messageId]), one.signatureOf('alice'));
    unsubscribe('nestjs-rtc-messaging:receipt', note);
    expect(delays).toEqual([0]);
  });

  it.each([
    ['a minute', 60_000, 'confirmed', { confirmed: ['alice'], awaited: [] }],
    ['longer than they are awaited', 400_000, 'not_awaited', undefined],
  ])(
    'are taken, or known by nobody, when the clock of Redis is put forward by %s',
    async (_long, ms, status, end) => {
      const messageId = await sendTo(['alice']);
      const waiting = one.receipts.wait(messageId, { timeoutMs: 60_000 });
      await sleep(150);
      // As if it had been earlier until now.
      await redis.client.hincrby(keyOf(messageId), 'alice', -ms);
      await redis.client.zincrby('rtc:{receipts:default}-ends', -ms, messageId);
      await redis.client.pexpire(keyOf(messageId), Math.max(1, 300_000 - ms));
      await sleep(150);
      await one.post(writeReceipts([messageId]), one.signatureOf('alice'));
      expect(one.counts).toMatchObject({ [status]: 1 });
      const begun = performance.now();
      if (end === undefined) expect(await waiting).toBeUndefined();
      else expect(await waiting).toMatchObject(end);
      expect(performance.now() - begun).toBeLessThan(30_000);
      await sendTo(users(20));
    },
  );

  it('may come to a process that sends nothing, which tells of them', async () => {
    const lines: string[] = [];
    const taker = await ReceiptApp.start(emulator, { receipts: { redis: redis.client }, sends: false });
    taker.app.useLogger({
      log: () => undefined,
      error: () => undefined,
      warn: (line: string) => void lines.push(line),
    });
    const messageId = await sendTo(['alice']);
    const waiting = one.receipts.wait(messageId, { timeoutMs: 10_000 });
    const [mine, others] = [taker.signatureOf('alice'), taker.signatureOf('mallory')];
    for (const signature of [mine, others, others])
      expect(await taker.post(writeReceipts([messageId]), signature)).toBe(200);
    expect(await waiting).toMatchObject({ confirmed: ['alice'], awaited: [] });
    expect(await taker.receipts.status(messageId)).toMatchObject({ confirmed: ['alice'] });
    expect(taker.counts).toMatchObject({ confirmed: 1, not_awaited: 2 });
    expect(lines).toHaveLength(1);
    await taker.close();
  });

  it('are the same for a client that gives numbers as text, has a prefix and pipelines by itself', async () => {
    const text = new Redis(redis.server.url, {
      stringNumbers: true,
      keyPrefix: 'app:',
      enableAutoPipelining: true,
    });
    const server = await ReceiptApp.start(emulator, { receipts: { redis: text, maxAwaited: 2 } });
    const to = ['alice', 'bob'];
    const { messageId = '' } = await server.rooms.batchSend({ ...ROOM, to }, { receipt: true });
    await server.post(writeReceipts([messageId]), server.signatureOf('alice'));
    expect(await server.receipts.status(messageId)).toMatchObject({ confirmed: ['alice'], awaited: ['bob'] });
    await server.rooms.send({ ...ROOM, to: 'alice' }, { receipt: true });
    expect(await rejectionOf(server.rooms.send({ ...ROOM, to: 'x' }, { receipt: true }))).toMatchObject({
      code: 'RTC_QUOTA',
    });
    expect(server.counts).toMatchObject({ confirmed: 1 });
    await server.close();
    text.disconnect();
  });

  it('are in one key for each message and two for all, which end by themselves, and in none for one that was refused', async () => {
    const messageId = await sendTo(users(20));
    for (let time = 0; time < 5; time++) await rejectionOf(sendTo(users(1)));
    await one.post(writeReceipts([messageId]), one.signatureOf('user-0'));
    const keys = [`rtc:{receipts:default}-awaited`, `rtc:{receipts:default}-ends`, keyOf(messageId)];
    expect((await redis.client.keys('*')).toSorted()).toEqual(keys.toSorted());
    for (const key of keys) expect(await redis.client.pttl(key)).toBeGreaterThan(290_000);
  });

  it('are looked at without haste, and taken by scripts that hold nobody up', async () => {
    const messageId = await sendTo(users(2));
    const commands = async (): Promise<number> =>
      Number(/total_commands_processed:(\d+)/.exec(await redis.client.info('stats'))?.[1]);
    const before = await commands();
    await one.receipts.wait(messageId, { timeoutMs: 2_000 });
    expect((await commands()) - before).toBeLessThan(200);
    const beforePost = await commands();
    const ids = users(1_000).map((_, index) => `${index}`.padStart(32, 'm'));
    expect(await one.post(writeReceipts(ids), one.signatureOf('user-0'))).toBe(200);
    // A short one for each receipt, so that others' commands come between them.
    expect((await commands()) - beforePost).toBeGreaterThan(1_000);
    expect(one.counts.not_awaited).toBe(1_000);
  });
});

describe('a Redis that stands still', () => {
  it('awaits nobody of a message that was refused for it, once it goes on', async () => {
    const emulator = await RtcEmulator.start();
    const server = await ReceiptApp.start(emulator, { receipts: { redis: redis.client, maxAwaited: 10 } });
    const to = users(6);
    await server.rooms.batchSend({ roomId: 'room-1', to: ['alice'], message: 'hello' }, { receipt: true });
    process.kill(Number(redis.server.pid), 'SIGSTOP');
    const error = await rejectionOf<RtcNetworkError>(
      server.rooms.batchSend({ roomId: 'room-1', to, message: 'hello' }, { receipt: true, deadlineMs: 300 }),
    );
    expect(error).toMatchObject({ code: 'RTC_TIMEOUT', outcome: 'not_attempted' });
    const asked = await rejectionOf(server.receipts.status(String(error.messageId)));
    expect(asked).toMatchObject({ code: 'RTC_NETWORK' });
    process.kill(Number(redis.server.pid), 'SIGCONT');
    await until(() => isAnswering(server));
    await sleep(300);
    expect(emulator.requests).toHaveLength(1);
    expect(await server.receipts.status(String(error.messageId))).toBeUndefined();
    await server.rooms.batchSend({ roomId: 'room-1', to, message: 'hello' }, { receipt: true });
    await server.close();
    await emulator.close();
  });
});

describe('a Redis that stands still between two attempts', () => {
  it('keeps no attempt from being sent, and its receipts count once it goes on', async () => {
    const emulator = await RtcEmulator.start();
    const server = await ReceiptApp.start(emulator, { receipts: { redis: redis.client, maxAwaited: 10 } });
    const alice = server.join('alice', { receiver: { confirmAfterMs: 1_500 } });
    emulator.faults.add({ kind: 'error', code: 'FlowLimitExceeded', retryAfter: 1, times: 1 });
    const sending = server.rooms.batchSend(
      { roomId: 'room-1', to: ['alice', 'bob'], message: 'hello' },
      { receipt: true, deadlineMs: 10_000 },
    );
    await until(() => emulator.requests.length === 1);
    process.kill(Number(redis.server.pid), 'SIGSTOP');
    setTimeout(() => process.kill(Number(redis.server.pid), 'SIGCONT'), 1_800);
    const { messageId = '', attempts } = await sending;
    expect(attempts).toHaveLength(2);
    expect(alice.shown).toHaveLength(1);
    await until(() => server.counts.confirmed === 1);
    const status = await server.receipts.status(messageId);
    expect(status).toMatchObject({ confirmed: ['alice'], awaited: ['bob'] });
    // The error of a receipt is a reason for the client to send it again, and nothing is counted twice.
    expect(server.counts).toMatchObject({ confirmed: 1, not_awaited: 0 });
    await server.close();
    await emulator.close();
  });
});

describe('a Redis that answers nothing', () => {
  const ROOM = { roomId: 'room-1', message: 'hello' };
  let emulator: RtcEmulator;
  let server: ReceiptApp;
  let messageId: string;
  beforeEach(async () => {
    emulator = await RtcEmulator.start();
    server = await ReceiptApp.start(emulator, {
      receipts: { redis: redis.client, maxAwaited: 20_000 },
      quota: { requestsPerSecond: 50 },
    });
    ({ messageId = '' } = await server.rooms.batchSend({ ...ROOM, to: users(5) }, { receipt: true }));
    process.kill(Number(redis.server.pid), 'SIGSTOP');
  });
  afterEach(async () => {
    process.kill(Number(redis.server.pid), 'SIGCONT');
    await server.close();
    await emulator.close();
  });
  const timed = async (work: Promise<unknown>): Promise<number> => {
    const begun = performance.now();
    await work.catch(() => undefined);
    return performance.now() - begun;
  };

  it('holds up no wait, fan-out or send for longer than was asked, and no message without receipts', async () => {
    const receipt = { receipt: true };
    const aborted = { timeoutMs: 120_000, signal: AbortSignal.timeout(50) };
    const waits = [{ timeoutMs: 50 }, aborted].map((how) => timed(server.receipts.wait(messageId, how)));
    expect(Math.max(...(await Promise.all(waits)))).toBeLessThan(60_000);
    const sends = users(60).map((to) => timed(server.rooms.send({ ...ROOM, to }, receipt)));
    await server.rooms.send({ ...ROOM, to: 'plain' });
    // Their own limit ends them, or that of Redis, a second after what it was first asked.
    const limits = [
      [() => ({ deadlineMs: 100 }), 'deadline', 'RTC_TIMEOUT'],
      [() => ({ signal: AbortSignal.timeout(100) }), 'aborted', 'RTC_ABORTED'],
    ] as const;
    for (const [limit, reason, code] of limits) {
      const to = users(5);
      const { stop } = await server.rooms.fanOut({ ...ROOM, to }, { ...receipt, ...limit() });
      expect([reason, 'unreachable']).toContain(stop?.reason);
      const sending = server.rooms.batchSend({ ...ROOM, to }, { ...receipt, ...limit() });
      expect([code, 'RTC_NETWORK']).toContain((await rejectionOf<RtcNetworkError>(sending)).code);
    }
    expect(Math.max(...(await Promise.all(sends)))).toBeLessThan(60_000);
    // The plain one, and the one before.
    expect(emulator.requests).toHaveLength(2);
  });

  it('is asked no more until it answers, and then sends go on, with nobody awaited of those that were refused', async () => {
    const send = (): Promise<unknown> =>
      server.rooms.batchSend({ ...ROOM, to: users(100) }, { receipt: true, deadlineMs: 3_000 });
    const error = await rejectionOf<RtcNetworkError>(send() as Promise<never>);
    const queued = (): number =>
      (redis.client as unknown as { commandQueue: { length: number } }).commandQueue.length;
    const before = queued();
    expect(
      await timed(Promise.all(users(500).map(() => rejectionOf(send() as Promise<never>)))),
    ).toBeLessThan(60_000);
    expect(queued() - before).toBeLessThan(5);
    process.kill(Number(redis.server.pid), 'SIGCONT');
    await until(() => isAnswering(server));
    expect(await server.receipts.status(String(error.messageId))).toBeUndefined();
    await send();
    expect(await server.receipts.status(messageId)).toMatchObject({ awaited: { length: 5 } });
  });
});

describe('a Redis that refuses', () => {
  const messageOf = async (refused: Redis): Promise<string> => {
    const store = createRedisStore('default', refused, LIMITS);
    return (await rejectionOf(store.expect('m1', ['alice']))).message;
  };

  it('is said to be out of memory', async () => {
    await redis.client.config('SET', 'maxmemory', '1');
    const message = await messageOf(redis.client).finally(() => redis.client.config('SET', 'maxmemory', '0'));
    expect(message).toMatch(
      /^The receipts are not known: Redis is out of memory; raise its maxmemory, .*\(OOM\)\.$/,
    );
  });

  it('is said to allow too little to the user, and serves it with the rights that are named', async () => {
    const as = async (...rights: string[]): Promise<Redis> => {
      await redis.client.call(
        'ACL',
        'SETUSER',
        'app',
        'reset',
        'on',
        'nopass',
        '~rtc:*',
        '+@connection',
        '+info',
        ...rights,
      );
      return new Redis(redis.server.url.replace('//', '//app:x@'));
    };
    const poor = await as();
    const named = /allow it (.*), and/.exec(await messageOf(poor));
    poor.disconnect();
    const able = await as(...String(named?.[1]).split(' '));
    const store = createRedisStore('default', able, LIMITS);
    expect(await store.expect('m1', ['alice', 'bob'])).toBe(true);
    expect(await store.confirm('m1', 'alice')).toMatchObject({ status: 'confirmed' });
    await store.withdraw('m1', ['bob']);
    expect(await store.look(['m1'])).toEqual([0, 0]);
    expect(await store.status('m1')).toMatchObject({ confirmed: ['alice'] });
    able.disconnect();
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
