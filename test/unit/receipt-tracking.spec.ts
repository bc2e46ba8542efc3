import { describe, expect, it } from '@jest/globals';
import { RtcAbortedError } from '../../lib/errors/rtc-aborted.error.js';
import { MemoryReceiptStore } from '../../lib/receipts/receipt-store.js';
import { createReceipts } from '../../lib/receipts/receipt.service.js';
import type { CallPlan } from '../../lib/retry/call-policy.js';
import { ActionCaller } from '../../lib/services/action-caller.js';

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
    const caller = new ActionCaller({} as never, {} as never, store);
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
    const wire = { messageId: 'm1', isTracked: true };
    await expect(caller.send(wire, ['alice'], plan, refuse)).rejects.toBe(refused);
    await caller.send(wire, ['alice'], plan, async ({ beforeCall }) => {
      await beforeCall?.();
      return { requestId: 'r1', attempts: [], possibleDuplicate: false };
    });
    await after(500);
    expect(await store.status('m1')).toMatchObject({ awaited: ['alice'] });
  });
});

describe('wait()', () => {
  it('of a message without an ID is over at once, whoever is awaited of others', async () => {
    const store = new MemoryReceiptStore({ maxAwaited: 10, awaitMs: 60_000 });
    await store.expect('m1', ['alice']);
    const receipts = createReceipts(undefined, new Map(), store);
    const began = performance.now();
    for (const id of [undefined, '', 'all'])
      expect(await receipts.wait(id as string, { timeoutMs: 5_000 })).toBeUndefined();
    expect(performance.now() - began).toBeLessThan(1_000);
  });
});
