import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Cancellation } from '../../lib/openapi/cancellation.js';
import { TimeBox } from '../../lib/openapi/time-box.js';
import { rejectionOf } from '../support/rejection.js';

describe('a cancellation', () => {
  it('tells whoever listens, once, and why', () => {
    const cancellation = new Cancellation();
    const told: string[] = [];
    const gone = (): void => void told.push('gone');
    cancellation.remove(gone);
    cancellation.add(() => told.push('one'));
    cancellation.add(gone);
    cancellation.add(() => told.push('other'));
    cancellation.remove(gone);
    expect([cancellation.isCancelled, cancellation.reason]).toEqual([false, undefined]);
    cancellation.cancel('shutdown');
    cancellation.cancel('another reason');
    expect([cancellation.isCancelled, cancellation.reason]).toEqual([true, 'shutdown']);
    expect(told).toEqual(['one', 'other']);
  });

  it('needs no one to listen', () => {
    const cancellation = new Cancellation();
    cancellation.cancel();
    expect(cancellation.isCancelled).toBe(true);
  });
});

describe('a time box', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('lets work that is done in time come through, or fail', async () => {
    const box = new TimeBox(100);
    expect(await box.guard(Promise.resolve(7))).toBe(7);
    expect((await rejectionOf(box.guard(Promise.reject(new Error('lost'))))).message).toBe('lost');
    expect(box.interruption).toBeUndefined();
    box.dispose();
  });

  it('breaks off what takes longer', async () => {
    const box = new TimeBox(100);
    let interrupted = 0;
    box.onInterrupt = () => (interrupted += 1);
    const guarded = rejectionOf(box.guard(new Promise(() => undefined)));
    jest.advanceTimersByTime(99);
    expect(box.interruption).toBeUndefined();
    jest.advanceTimersByTime(1);
    expect((await guarded).message).toBe('timeout');
    expect([box.interruption, interrupted]).toEqual(['timeout', 1]);
  });

  it('breaks off what is cancelled, and stays so', async () => {
    const cancellation = new Cancellation();
    const box = new TimeBox(100, cancellation);
    let interrupted = 0;
    box.onInterrupt = () => (interrupted += 1);
    const waiting = box.wait();
    cancellation.cancel();
    expect(await waiting).toBe('aborted');
    jest.advanceTimersByTime(200);
    expect([box.interruption, interrupted]).toEqual(['aborted', 1]);
    expect(await box.wait()).toBe('aborted');
    expect((await rejectionOf(box.guard(new Promise(() => undefined)))).message).toBe('aborted');
  });

  it('of what was cancelled before is broken off at once', async () => {
    const cancellation = new Cancellation();
    cancellation.cancel();
    const box = new TimeBox(100, cancellation);
    expect(box.interruption).toBe('aborted');
    expect(await box.wait()).toBe('aborted');
    box.dispose();
  });

  it('lets go of its timer and of its cancellation', () => {
    const cancellation = new Cancellation();
    const box = new TimeBox(100, cancellation);
    expect(jest.getTimerCount()).toBe(1);
    box.dispose();
    expect(jest.getTimerCount()).toBe(0);
    cancellation.cancel();
    expect(box.interruption).toBeUndefined();
    new TimeBox(100).dispose();
  });
});
