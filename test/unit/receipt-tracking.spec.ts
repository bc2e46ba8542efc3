import { describe, expect, it, jest } from '@jest/globals';
import { RtcAbortedError } from '../../lib/errors/rtc-aborted.error.js';
import type { RtcValidationError } from '../../lib/errors/rtc-validation.error.js';
import { MemoryReceiptStore, type ReceiptStore } from '../../lib/receipts/receipt-store.js';
import { requestBody } from '../../lib/openapi/request-body.js';
import { Receipts } from '../../lib/receipts/receipt.service.js';
import { writeReceipts } from '../../lib/receiver/frame.js';
import type { CallPlan } from '../../lib/retry/call-policy.js';
import type { AcceptedCall } from '../../lib/retry/sender.js';
import { ActionCaller } from '../../lib/services/action-caller.js';
import { rejectionOf } from '../support/rejection.js';

const after = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Does everything in order, and says so late, as Redis may. */
class SlowStore extends MemoryReceiptStore {
  #line: Promise<unknown> = Promise.resolve();
  answerMs = 0;

  override expect(...given: Parameters<MemoryReceiptStore['expect']>): Promise<boolean> {
    return this.#inOrder(() => super.expect(...given));
  }

  override withdraw(...given: Parameters<MemoryReceiptStore['withdraw']>): Promise<void> {
    return this.#inOrder(() => super.withdraw(...given));
  }

  #inOrder<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#line.then(() => after(this.answerMs)).then(work);
    this.#line = done;
    return done;
  }
}

describe('receipts of a chunk that is refused and sent again', () => {
  it('are awaited, also where the store answers later than the service', async () => {
    const store = new SlowStore({ maxAwaited: 10, awaitMs: 60_000 });
    const plan = { deadlineMs: 5_000, fanOut: {} } as CallPlan;
    const refused = new RtcAbortedError('of the test', { outcome: 'not_attempted' });
    const refuse = async ({ beforeCall, beforeSend }: CallPlan): Promise<never> => {
      await beforeCall?.();
      // The wait for the quota, after which the time is moved.
      await after(50);
      store.answerMs = 100;
      await beforeSend?.();
      throw refused;
    };
    const accept = async ({ beforeCall }: CallPlan): Promise<AcceptedCall> => {
      await beforeCall?.();
      return { requestId: 'r1', attempts: [], possibleDuplicate: false };
    };
    const sends = [refuse, accept];
    const sender = { send: async (_action: string, _body: unknown, each: CallPlan) => sends.shift()?.(each) };
    const caller = new ActionCaller({} as never, sender as never, store);
    const wire = { action: 'BatchSendRoomUnicast', messageId: 'm1', isTracked: true } as const;
    const body = requestBody({}, ['alice'], {});
    await expect(caller.send(wire, ['alice'], body, plan)).rejects.toBe(refused);
    await caller.send(wire, ['alice'], body, plan);
    await after(500);
    expect(await store.status('m1')).toMatchObject({ awaited: ['alice'] });
  });
});

/** The receipts of a module, and what takes a client's message for it. */
function startReceipts(store: ReceiptStore) {
  const receipts = new Receipts(store, 'default', () => undefined);
  const take = async (userId: string, messageId: string): Promise<void> =>
    void (await receipts.take(userId, writeReceipts([messageId])));
  return { receipts, take };
}

describe('wait()', () => {
  const [one, other] = ['1'.repeat(32), '2'.repeat(32)];
  const open = (): MemoryReceiptStore => new MemoryReceiptStore({ maxAwaited: 10, awaitMs: 60_000 });

  it('of a message without an ID is over at once, whoever is awaited of others', async () => {
    const store = open();
    await store.expect('m1', ['alice']);
    const { receipts } = startReceipts(store);
    const began = performance.now();
    for (const id of [undefined, null, '', 'all', 7, {}, Symbol('of the test')])
      expect(await receipts.wait(id as string, { timeoutMs: 60_000 })).toBeUndefined();
    expect(performance.now() - began).toBeLessThan(30_000);
  });

  it('ends with the last receipt that comes to this process, whatever the store does when it is looked at', async () => {
    const store = open();
    store.look = () => new Promise(() => undefined);
    const { receipts, take } = startReceipts(store);
    await store.expect(one, ['alice', 'bob']);
    await store.expect(other, ['alice']);
    let isOver = false;
    const waits = [1, 2, 3].map(() =>
      receipts.wait(one, { timeoutMs: 60_000 }).finally(() => (isOver = true)),
    );
    const aborting = new AbortController();
    const longer = receipts.wait(other, { timeoutMs: 60_000, signal: aborting.signal });
    await take('alice', one);
    await after(300);
    expect(isOver).toBe(false);
    const began = performance.now();
    await take('bob', one);
    for (const status of await Promise.all(waits))
      expect(status).toMatchObject({ confirmed: ['alice', 'bob'], awaited: [] });
    expect(performance.now() - began).toBeLessThan(30_000);
    aborting.abort();
    expect(await longer).toMatchObject({ awaited: ['alice'] });
  });

  it('looks at all messages at once, and at none when nobody waits', async () => {
    const store = open();
    const looks: number[] = [];
    store.look = async (ids) => (looks.push(ids.length), [0, ...ids.map(() => 1)]);
    const { receipts } = startReceipts(store);
    const wait = (id: number) => receipts.wait(`message ${id}`, { timeoutMs: 1_000 });
    await Promise.all(Array.from({ length: 2_000 }, (_, index) => wait(index % 1_000)));
    const later = looks.slice(2_000);
    expect(looks.slice(0, 2_000)).toEqual(Array<number>(2_000).fill(1));
    expect(later.length).toBeGreaterThan(2);
    expect(later.length).toBeLessThan(12);
    expect(later[1]).toBe(1_000);
    const { length } = looks;
    await after(300);
    expect(looks).toHaveLength(length);
  });

  it('looks at each of any number of messages in turn', async () => {
    const store = open();
    const looked = new Set<string>();
    store.look = async (ids) => {
      if (ids.length > 1) for (const id of ids) looked.add(id);
      return [0, ...ids.map(() => 1)];
    };
    const { receipts } = startReceipts(store);
    const aborting = new AbortController();
    const options = { timeoutMs: 60_000, signal: aborting.signal };
    const waits = Array.from({ length: 12_000 }, (_, id) => receipts.wait(`message ${id}`, options));
    for (let tries = 0; tries < 100 && looked.size < 12_000; tries++) await after(50);
    aborting.abort();
    await Promise.all(waits);
    expect(looked.size).toBe(12_000);
  });

  it.each([0, -1, NaN, Infinity, 600_001, 1e300, 1.5, '5', null, undefined])(
    'refuses %p as its time limit, and leaves nothing behind',
    async (timeoutMs) => {
      const store = open();
      let looks = 0;
      store.look = async () => ((looks += 1), [0]);
      const { receipts } = startReceipts(store);
      const error = await rejectionOf<RtcValidationError>(receipts.wait(one, { timeoutMs } as never));
      expect(error.issues).toEqual([{ path: 'options.timeoutMs', message: expect.any(String) }]);
      await after(150);
      expect(looks).toBe(0);
    },
  );

  it('takes its time, and says who is still awaited, also where the store fails when it is looked at', async () => {
    const store = open();
    await store.expect(one, ['alice']);
    store.look = () => Promise.reject(new Error('away'));
    const { receipts } = startReceipts(store);
    const began = performance.now();
    expect(await receipts.wait(one, { timeoutMs: 300 })).toMatchObject({ awaited: ['alice'] });
    expect(performance.now() - began).toBeGreaterThanOrEqual(295);
  });

  it.each(['now of the process', 'time of day'])(
    'goes on, as awaiting does, when the %s is put forward',
    async (which) => {
      const store = open();
      const { receipts, take } = startReceipts(store);
      await store.expect(one, ['alice', 'bob']);
      let isOver = false;
      const waiting = receipts.wait(one, { timeoutMs: 60_000 }).finally(() => (isOver = true));
      const clock = which === 'time of day' ? Date : performance;
      const now = clock.now.bind(clock);
      const put = jest.spyOn(clock, 'now').mockImplementation(() => now() + 3_600_000);
      await after(250);
      expect(isOver).toBe(false);
      await take('alice', one);
      expect(await receipts.status(one)).toMatchObject({ confirmed: ['alice'], awaited: ['bob'] });
      await take('bob', one);
      expect(await waiting).toMatchObject({ confirmed: ['alice', 'bob'] });
      put.mockRestore();
    },
  );

  it('ends soon after the time of the message is over', async () => {
    const { receipts } = startReceipts(new MemoryReceiptStore({ maxAwaited: 10, awaitMs: 1_000 }));
    const store = new MemoryReceiptStore({ maxAwaited: 10, awaitMs: 200 });
    const began = performance.now();
    await store.expect(one, ['alice']);
    expect(await startReceipts(store).receipts.wait(one, { timeoutMs: 60_000 })).toBeUndefined();
    expect(performance.now() - began).toBeLessThan(30_000);
    expect(await receipts.status(one)).toBeUndefined();
  });
});
