import { describe, expect, it } from '@jest/globals';
import { getEventListeners } from 'node:events';
import { InterruptedWait, Interruptible, waitAtMost } from '../../lib/bullmq/interruptible.js';
import { rejectionOf } from '../support/rejection.js';

const never = (): Promise<never> => new Promise(() => undefined);

describe('Interruptible', () => {
  it('gives what work comes to', async () => {
    const interruptible = new Interruptible({ signals: [], timeoutMs: Number.POSITIVE_INFINITY });
    expect(await interruptible.wait(async () => 'done')).toBe('done');
    const failure = new Error('failed');
    expect(await rejectionOf(interruptible.wait(() => Promise.reject(failure)))).toBe(failure);
    expect(interruptible.isReason(failure)).toBe(false);
    expect(interruptible.isReason(undefined)).toBe(false);
  });

  it('ends every wait when a signal is aborted, begins none after it, and ignores what becomes of the work', async () => {
    const aborting = new AbortController();
    const interruptible = new Interruptible({ signals: [new AbortController().signal, aborting.signal] });
    let fail: ((error: Error) => void) | undefined;
    const waits = [
      interruptible.wait(never),
      interruptible.wait(() => new Promise((_resolve, reject) => (fail = reject))),
    ].map((wait) => rejectionOf(wait));
    aborting.abort();
    for (const error of await Promise.all(waits)) {
      expect(error).toMatchObject({ by: 'signal' });
      expect(interruptible.isReason(error)).toBe(true);
    }
    fail?.(new Error('too late'));
    let hasBegun = false;
    const begin = async (): Promise<void> => void (hasBegun = true);
    expect(await rejectionOf(interruptible.wait(begin))).toBeInstanceOf(InterruptedWait);
    expect(hasBegun).toBe(false);
  });

  it('begins nothing for a signal that is aborted already', async () => {
    const interruptible = new Interruptible({ signals: [AbortSignal.abort()] });
    expect(await rejectionOf(interruptible.wait(never))).toMatchObject({ by: 'signal' });
  });

  it('ends every wait with the error of something else, which is not its own reason', async () => {
    const interruptible = new Interruptible({ signals: [] });
    const failure = new Error('failed');
    const waiting = rejectionOf(interruptible.wait(never));
    interruptible.fail(failure);
    interruptible.fail(new Error('too late'));
    expect(await waiting).toBe(failure);
    expect(await rejectionOf(interruptible.wait(never))).toBe(failure);
    expect(interruptible.isReason(failure)).toBe(false);
  });

  it('ends waits when its time is up', async () => {
    const interruptible = new Interruptible({ signals: [], timeoutMs: 1 });
    expect(await rejectionOf(interruptible.wait(never))).toMatchObject({ by: 'timeout' });
  });

  it('listens once to a signal that many share, until none of them is left', () => {
    const { signal } = new AbortController();
    const all = Array.from({ length: 20 }, () => new Interruptible({ signals: [signal] }));
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    for (const interruptible of all) interruptible.dispose();
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});

describe('waitAtMost', () => {
  it('waits for work and for its time, whichever is shorter, and does not fail', async () => {
    await waitAtMost(3_600_000, async () => undefined);
    await waitAtMost(3_600_000, () => Promise.reject(new Error('failed')));
    await waitAtMost(1, never);
  });
});
