import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { getEventListeners } from 'node:events';
import { stat } from 'node:fs/promises';
import { Cancellation, onAbort } from '../../lib/waiting/cancellation.js';
import { Interrupted, TimeBox, waitFor } from '../../lib/waiting/time-box.js';
import { rejectionOf } from '../support/rejection.js';

const never = (): Promise<never> => new Promise(() => undefined);

describe('a cancellation', () => {
  it('calls its listeners once, and keeps its reason', () => {
    const cancellation = new Cancellation();
    const told: string[] = [];
    const gone = (): void => void told.push('gone');
    cancellation.listen(() => told.push('one'));
    const stopListening = cancellation.listen(gone);
    cancellation.listen(() => told.push('other'));
    stopListening();
    stopListening();
    expect([cancellation.isCancelled, cancellation.reason]).toEqual([false, undefined]);
    cancellation.cancel('shutdown');
    cancellation.cancel('another reason');
    expect([cancellation.isCancelled, cancellation.reason]).toEqual([true, 'shutdown']);
    expect(told).toEqual(['one', 'other']);
    cancellation.listen(() => told.push('late'))();
    expect(told).toEqual(['one', 'other', 'late']);
  });

  it('works without listeners', () => {
    const cancellation = new Cancellation();
    cancellation.cancel();
    expect(cancellation.isCancelled).toBe(true);
  });
});

describe("a caller's signal", () => {
  it('has one listener however many calls share it, as long as one of them listens', () => {
    const [one, other] = [new AbortController(), new AbortController()];
    const told: string[] = [];
    const stops = ['a', 'b', 'c'].map((name) => onAbort(one.signal, () => told.push(name)));
    onAbort(other.signal, () => told.push('other'));
    expect(getEventListeners(one.signal, 'abort')).toHaveLength(1);
    stops[1]!();
    expect(getEventListeners(one.signal, 'abort')).toHaveLength(1);
    one.abort();
    expect(told).toEqual(['a', 'c']);
    stops[0]!();
    stops[2]!();
    expect(getEventListeners(other.signal, 'abort')).toHaveLength(1);
  });

  it('has no listener after the last call, and a new one after that', () => {
    const controller = new AbortController();
    const { signal } = controller;
    let told = 0;
    const stop = onAbort(signal, () => (told += 1));
    stop();
    stop();
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    onAbort(signal, () => (told += 10));
    stop();
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    controller.abort();
    expect(told).toBe(10);
  });

  it('that is aborted already calls back at once, and gets no listener', () => {
    const signal = AbortSignal.abort();
    let told = 0;
    onAbort(signal, () => (told += 1))();
    expect([told, getEventListeners(signal, 'abort')]).toEqual([1, []]);
  });

  it('has one listener for twenty time boxes, and none when they are disposed of', () => {
    const { signal } = new AbortController();
    const all = Array.from({ length: 20 }, () => new TimeBox(Infinity, undefined, signal));
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    for (const box of all) box.dispose();
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});

describe('a time box', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  /** A turn of the event loop. */
  const turn = (): void => void jest.advanceTimersByTime(1);

  it('passes on the result or the failure of work that is done in time', async () => {
    const box = new TimeBox(100);
    expect(await box.guard(Promise.resolve(7))).toBe(7);
    expect(await box.guard(async () => 8)).toBe(8);
    expect((await rejectionOf(box.guard(Promise.reject(new Error('lost'))))).message).toBe('lost');
    expect(box.interruption).toBeUndefined();
    box.dispose();
  });

  it('interrupts what takes longer', async () => {
    const box = new TimeBox(100);
    let interrupted = 0;
    box.onInterrupt = () => (interrupted += 1);
    const guarded = rejectionOf(box.guard(never));
    jest.advanceTimersByTime(99);
    expect(box.interruption).toBeUndefined();
    jest.advanceTimersByTime(1);
    // What has arrived by then is read first.
    turn();
    turn();
    expect(await guarded).toMatchObject({ by: 'timeout' });
    expect([box.interruption, interrupted]).toEqual(['timeout', 1]);
  });

  it('interrupts what is cancelled, and stays so', async () => {
    const cancellation = new Cancellation();
    const box = new TimeBox(100, cancellation);
    let interrupted = 0;
    box.onInterrupt = () => (interrupted += 1);
    const waiting = box.wait();
    cancellation.cancel();
    expect(interrupted).toBe(1);
    turn();
    expect(await waiting).toBe('aborted');
    jest.advanceTimersByTime(200);
    expect([box.interruption, interrupted]).toEqual(['aborted', 1]);
    const later = [box.wait(), rejectionOf(box.guard(new Promise(() => undefined)))];
    turn();
    expect(await later[0]).toBe('aborted');
    expect(await later[1]).toMatchObject({ by: 'aborted' });
  });

  it('passes on the result of work that is done when it is cancelled', async () => {
    const cancellation = new Cancellation();
    const box = new TimeBox(100, cancellation);
    const work = box.guard(Promise.resolve('done'));
    cancellation.cancel();
    expect(await work).toBe('done');
    box.dispose();
  });

  it('reports work that fails because of the cancellation as interrupted', async () => {
    const cancellation = new Cancellation();
    const box = new TimeBox(100, cancellation);
    let fail: ((error: Error) => void) | undefined;
    const waiting = rejectionOf(box.guard(new Promise((_resolve, reject) => (fail = reject))));
    cancellation.cancel();
    fail?.(new Error('Connection is closed.'));
    expect(await waiting).toMatchObject({ by: 'aborted' });
  });

  it('starts no work once it is interrupted, and ignores the result of work that goes on', async () => {
    const cancellation = new Cancellation();
    const box = new TimeBox(100, cancellation);
    let fail: ((error: Error) => void) | undefined;
    const waiting = rejectionOf(box.guard(() => new Promise((_resolve, reject) => (fail = reject))));
    cancellation.cancel();
    turn();
    expect(await waiting).toBeInstanceOf(Interrupted);
    fail?.(new Error('too late'));
    let hasBegun = false;
    const late = rejectionOf(box.guard(async () => void (hasBegun = true)));
    turn();
    expect(await late).toMatchObject({ by: 'aborted' });
    expect(hasBegun).toBe(false);
  });

  it('is interrupted at once by an earlier cancellation', async () => {
    const cancellation = new Cancellation();
    cancellation.cancel();
    for (const box of [new TimeBox(100, cancellation), new TimeBox(100, undefined, AbortSignal.abort())]) {
      expect(box.interruption).toBe('aborted');
      const waiting = box.wait();
      turn();
      expect(await waiting).toBe('aborted');
      box.dispose();
    }
  });

  it('releases its timer and its listener', () => {
    const cancellation = new Cancellation();
    const box = new TimeBox(100, cancellation);
    expect(jest.getTimerCount()).toBe(1);
    box.dispose();
    expect(jest.getTimerCount()).toBe(0);
    cancellation.cancel();
    expect(box.interruption).toBeUndefined();
    new TimeBox(100).dispose();
  });

  it('without a limit never times out', () => {
    const boxes = [new TimeBox(Infinity), new TimeBox(2 ** 31)];
    jest.advanceTimersByTime(2 ** 31 - 1);
    expect(boxes.map(({ interruption }) => interruption)).toEqual([undefined, undefined]);
    for (const box of boxes) box.dispose();
  });
});

describe('a wait for work', () => {
  it('returns its result, or fails as it does', async () => {
    expect(await waitFor(async () => 'done', 3_600_000)).toBe('done');
    const failure = new Error('failed');
    expect(await rejectionOf(waitFor(() => Promise.reject(failure), 3_600_000))).toBe(failure);
    const thrown = (): Promise<never> => {
      throw failure;
    };
    expect(await rejectionOf(waitFor(thrown, 3_600_000))).toBe(failure);
  });

  it('ends when its time is up, or one of its signals is aborted', async () => {
    expect(await rejectionOf(waitFor(never, 1))).toMatchObject({ by: 'timeout' });
    const aborting = new AbortController();
    const waiting = rejectionOf(
      waitFor(never, Infinity, undefined, undefined, new AbortController().signal, aborting.signal),
    );
    aborting.abort();
    expect(await waiting).toMatchObject({ by: 'aborted' });
  });

  it('reads an answer first that came while the process stood still', async () => {
    const waiting = waitFor(stat('.'), 1);
    const until = performance.now() + 100;
    while (performance.now() < until);
    expect((await waiting).isDirectory()).toBe(true);
  });
});
