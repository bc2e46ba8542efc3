import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { TestingModule } from '@nestjs/testing';
import { getEventListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ChunkOutcome,
  type FanOutOptions,
  type FanOutProgress,
  type FanOutReport,
  type RoomUnicastService,
  RtcApiError,
  type RtcFanOutBeginEvent,
  type RtcMessagingOptions,
  RtcValidationError,
} from 'nestjs-rtc-messaging';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { listenToEvents } from '../support/events.js';
import { rejectionOf } from '../support/rejection.js';
import { createService } from '../support/service.js';

const TEXT = { roomId: 'room-1', message: 'hello' };

let emulator: RtcEmulator;
let module: TestingModule;
let service: RoomUnicastService;
const open = async (options: RtcMessagingOptions = {}): Promise<void> => {
  ({ module, service } = await createService({
    ...emulator.moduleOptions(),
    quota: { requestsPerSecond: 100_000 },
    ...options,
  }));
};
beforeEach(async () => {
  emulator = await RtcEmulator.start({ quota: { requestsPerSecond: Number.POSITIVE_INFINITY } });
  await open();
});
afterEach(async () => {
  await module.close();
  await emulator.close();
});

const users = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_none, index) => `user-${from + index}`);
async function* stream(ids: Iterable<unknown>): AsyncGenerator<string> {
  for (const id of ids) yield id as string;
}
const chunkSizes = (): number[] =>
  emulator.requests.map(({ body }) => (JSON.parse(body.toString()) as { To: string[] }).To.length);
const addsUp = ({ counts }: FanOutReport): boolean => {
  const { input, ...rest } = counts;
  return input === Object.values(rest).reduce((sum, count) => sum + count);
};
const sentTo = (count: number): boolean =>
  users(count).every((userId) => emulator.accepted.count(userId, 'hello') === 1);

describe('a fan-out', () => {
  it.each<[string, (reads: { count: number }) => Iterable<string>]>([
    [
      'array',
      (reads) =>
        Object.assign(users(3), {
          *[Symbol.iterator]() {
            reads.count += 1;
            yield* users(3);
          },
        }),
    ],
    [
      'Set',
      (reads) =>
        new (class extends Set<string> {
          override [Symbol.iterator]() {
            reads.count += 1;
            return super[Symbol.iterator]();
          }
        })(users(3)),
    ],
  ])('reads a source once, such as a long %s, which would hold up the process', async (_kind, make) => {
    const reads = { count: 0 };
    const report = await service.fanOut({ ...TEXT, to: make(reads) });
    expect([report.counts.accepted, reads.count]).toEqual([3, 1]);
  });

  it('emits its beginning, its calls and its outcome', async () => {
    const { events, stop } = listenToEvents();
    const report = await service.fanOut({ ...TEXT, to: ['a b', ...users(1_200)] });
    await service.batchSend({ ...TEXT, to: ['user-0'] });
    stop();
    const fanOut = { module: 'default', id: report.id, startedAt: expect.any(String) };
    expect(events[0]).toEqual({ type: 'fan_out_begin', fanOut });
    const [{ fanOut: info }] = events as [RtcFanOutBeginEvent];
    const calls = events.filter((event) => event.type === 'begin').map(({ call }) => call);
    expect(calls.map((call) => call.recipients)).toEqual([600, 600, 1]);
    // One object for all, to keep something by.
    expect(calls.map((call) => call.fanOut === info)).toEqual([true, true, false]);
    const types = events.map(({ type }) => type);
    expect(types.lastIndexOf('outcome')).toBeGreaterThan(types.indexOf('fan_out_outcome'));
    expect(events.find(({ type }) => type === 'fan_out_outcome')).toEqual({
      type: 'fan_out_outcome',
      fanOut,
      status: 'partial',
      counts: report.counts,
      requests: 2,
      throttled: 0,
      durationMs: report.elapsedMs,
    });
  });

  it.each<[string, () => Iterable<string> | AsyncIterable<string>]>([
    ['an array', () => users(1_500)],
    ['a Set', () => new Set(users(1_500))],
    [
      'a generator',
      () =>
        (function* () {
          yield* users(1_500);
        })(),
    ],
    ['an async generator', () => stream(users(1_500))],
  ])('sends to everyone in %s, 600 at a time', async (_what, source) => {
    const report = await service.fanOut({ ...TEXT, to: source() });
    expect(report).toMatchObject({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      status: 'accepted',
      counts: {
        input: 1_500,
        duplicates: 0,
        invalid: 0,
        accepted: 1_500,
        rejected: 0,
        unknown: 0,
        notAttempted: 0,
      },
      chunks: [],
      invalid: [],
      requests: 3,
      throttled: 0,
    });
    expect(report).not.toHaveProperty('stop');
    expect(chunkSizes().sort()).toEqual([300, 600, 600]);
    expect(sentTo(1_500)).toBe(true);
  });

  it('to no one is done at once', async () => {
    expect(await service.fanOut({ ...TEXT, to: [] })).toMatchObject({ status: 'accepted', requests: 0 });
  });

  it('carries bytes, base64 and a sender as a single send does', async () => {
    const alice = emulator.room('room-1').join('alice');
    await service.fanOut({ roomId: 'room-1', to: ['alice'], message: new Uint8Array([1, 2]), from: 'bot' });
    await service.fanOut({ roomId: 'room-1', to: ['alice'], message: 'AQI=', binary: true });
    expect(alice.received).toMatchObject([
      { from: 'bot', message: new Uint8Array([1, 2]) },
      { from: 'server', message: new Uint8Array([1, 2]) },
    ]);
  });

  it('counts and lists invalid user IDs, and sends to the others', async () => {
    const to = ['alice', 'a b', '', 7, null, undefined, 'x'.repeat(129), 'bob'] as string[];
    const report = await service.fanOut({ ...TEXT, to });
    expect(report).toMatchObject({ status: 'partial', counts: { input: 8, invalid: 6, accepted: 2 } });
    expect(report.invalid.map(({ position }) => position)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(report.invalid[0]!.message).toContain('"a b" contains a space');
  });

  it('lists no more than a thousand invalid user IDs', async () => {
    const report = await service.fanOut({ ...TEXT, to: Array<string>(5_000).fill('a b') });
    expect(report).toMatchObject({
      status: 'rejected',
      counts: { input: 5_000, invalid: 5_000 },
      requests: 0,
    });
    expect(report.invalid).toHaveLength(1_000);
  });

  it.each<[FanOutOptions['dedupe'], object]>([
    [undefined, { duplicates: 2, accepted: 5 }],
    ['chunk', { duplicates: 2, accepted: 5 }],
    ['all', { duplicates: 4, accepted: 3 }],
    ['none', { duplicates: 0, accepted: 7 }],
  ])('removes duplicates by %s', async (dedupe, counts) => {
    // Chunks of three different users.
    const to = ['a', 'a', 'b', 'b', 'c', 'a', 'c'];
    const report = await service.fanOut({ ...TEXT, to }, { dedupe, chunkSize: 3 });
    expect(report).toMatchObject({ status: 'accepted', counts: { input: 7, ...counts } });
  });

  it('finds the recipients whom the service objects to, and sends to the others', async () => {
    const poisoned = new Set(['user-17', 'user-700', 'user-701']);
    emulator.faults.add({
      kind: 'error',
      code: 'InvalidParameter.IllegalTo',
      probability: 1,
      match: ({ to }) => to.some((userId) => poisoned.has(userId)),
    });
    const report = await service.fanOut({ ...TEXT, to: users(1_200) });
    expect(report).toMatchObject({
      status: 'partial',
      counts: { accepted: 1_197, rejected: 3 },
      unaccepted: { rejected: expect.arrayContaining([...poisoned]), truncated: false },
    });
    expect(report.chunks.map(({ recipients, index }) => [recipients, index]).sort()).toEqual([
      [1, 0],
      [1, 1],
      [1, 1],
    ]);
    expect(report.chunks[0]!.error).toBeInstanceOf(RtcApiError);
    expect(emulator.accepted.duplicates()).toEqual([]);
  });

  it('makes smaller chunks when the service says that there are too many recipients', async () => {
    emulator.faults.add({
      kind: 'error',
      code: 'InvalidParameter.UserCountOverLimit',
      probability: 1,
      match: ({ to }) => to.length > 200,
    });
    const report = await service.fanOut({ ...TEXT, to: users(3_000) }, { concurrency: 1 });
    expect(report).toMatchObject({ status: 'accepted', counts: { accepted: 3_000 } });
    const refused = chunkSizes().filter((size) => size > 200);
    expect(refused).toEqual([600, 300, 300]);
    expect(sentTo(3_000)).toBe(true);
  });

  it('reads no further than it sends', async () => {
    let read = 0;
    emulator.faults.add({ kind: 'late', delayMs: 150, probability: 1 });
    const source = (function* () {
      for (const userId of users(100_000)) {
        read += 1;
        yield userId;
      }
    })();
    const controller = new AbortController();
    const sending = service.fanOut({ ...TEXT, to: source }, { concurrency: 4, signal: controller.signal });
    while (emulator.requests.length < 4) await sleep(5);
    expect(read).toBeLessThanOrEqual(4 * 600);
    controller.abort();
    await sending;
  });

  it('slows down to onChunk, which gets every chunk', async () => {
    let running = 0;
    let most = 0;
    const told: ChunkOutcome[] = [];
    const report = await service.fanOut(
      { ...TEXT, to: users(3_000) },
      {
        concurrency: 2,
        keepChunks: true,
        onChunk: async (chunk) => {
          running += 1;
          most = Math.max(most, running);
          await sleep(10);
          running -= 1;
          told.push(chunk);
        },
      },
    );
    expect(most).toBeLessThanOrEqual(2);
    expect(told.map(({ index }) => index).sort()).toEqual([0, 1, 2, 3, 4]);
    expect(report.chunks).toHaveLength(5);
    expect(report.chunks[0]).toMatchObject({ outcome: 'accepted', recipients: 600, attempts: 1 });
  });

  it('calls onProgress with its counts, its rate and the time left', async () => {
    const progress: FanOutProgress[] = [];
    emulator.faults.add({ kind: 'late', delayMs: 100, probability: 1 });
    await service.fanOut(
      { ...TEXT, to: users(6_000) },
      { concurrency: 1, total: 6_000, onProgress: (now) => progress.push(now) },
    );
    expect(progress.length).toBeGreaterThan(3);
    const middle = progress[2]!;
    expect(middle.rate).toBeGreaterThan(1_000);
    expect(middle.etaMs).toBeGreaterThan(0);
    expect(progress.at(-1)).toMatchObject({
      done: 6_000,
      total: 6_000,
      etaMs: 0,
      counts: { accepted: 6_000 },
    });
    expect(progress.map(({ done }) => done)).toEqual(progress.map(({ done }) => done).sort((a, b) => a - b));
  });

  it('never sends twice what may have been accepted, and lists recipients with an unknown outcome', async () => {
    emulator.faults.add({ kind: 'reset', accept: true });
    const report = await service.fanOut({ ...TEXT, to: users(1_200) }, { concurrency: 1 });
    expect(report).toMatchObject({
      status: 'partial',
      counts: { accepted: 600, unknown: 600 },
      chunks: [{ outcome: 'unknown', recipients: 600 }],
      unaccepted: { unknown: users(600) },
    });
    expect(sentTo(1_200)).toBe(true);
  });

  it('resends unknown chunks where that is allowed, and marks them', async () => {
    emulator.faults.add({ kind: 'reset', accept: true });
    const report = await service.fanOut({ ...TEXT, to: users(600) }, { onUnknown: 'resend' });
    expect(report).toMatchObject({
      status: 'accepted',
      chunks: [{ outcome: 'accepted', possibleDuplicate: true }],
    });
    expect(emulator.accepted.duplicates()).toHaveLength(600);
  });

  it('gets through throttling and refused connections, however often', async () => {
    emulator.faults.add({ kind: 'error', code: 'FlowLimitExceeded.QPSOverLimit', times: 5 });
    emulator.faults.add({ kind: 'refuse', forMs: 200 });
    const report = await service.fanOut({ ...TEXT, to: users(600) });
    expect(report).toMatchObject({ status: 'accepted', throttled: 5 });
    expect(report.requests).toBeGreaterThan(6);
    expect(sentTo(600)).toBe(true);
  });

  it('can keep no recipients', async () => {
    emulator.faults.add({ kind: 'error', code: 'InternalError' });
    const report = await service.fanOut({ ...TEXT, to: users(10) }, { keepRecipients: false });
    expect(report).not.toHaveProperty('unaccepted');
    expect(report.counts.unknown).toBe(10);
  });
});

describe('a fan-out ends before its source', () => {
  it('when it is aborted: requests in flight may finish, and the rest was not attempted', async () => {
    emulator.faults.add({ kind: 'late', delayMs: 100, probability: 1 });
    const controller = new AbortController();
    const sending = service.fanOut(
      { ...TEXT, to: stream(users(100_000)) },
      { concurrency: 2, signal: controller.signal },
    );
    while (emulator.requests.length < 2) await sleep(5);
    controller.abort();
    const report = await sending;
    expect(report).toMatchObject({ status: 'aborted', stop: { reason: 'aborted' }, counts: { unknown: 0 } });
    expect(report.counts.accepted).toBe(1_200);
    expect(addsUp(report)).toBe(true);
    expect(report.counts.input).toBeLessThan(5_000);
    expect(emulator.requests).toHaveLength(2);
  });

  it('when it was aborted beforehand: nothing is read', async () => {
    let read = false;
    const source = (function* () {
      read = true;
      yield 'alice';
    })();
    const report = await service.fanOut({ ...TEXT, to: source }, { signal: AbortSignal.abort() });
    expect(read).toBe(false);
    expect(report).toMatchObject({ status: 'aborted', stop: { reason: 'aborted' }, counts: { input: 0 } });
  });

  it('when its deadline passes, even if the source hangs, which is reported', async () => {
    let returned = false;
    const to: AsyncIterable<string> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => undefined),
        return: async () => {
          returned = true;
          return { done: true, value: undefined };
        },
      }),
    };
    const report = await service.fanOut({ ...TEXT, to }, { deadlineMs: 50 });
    expect(report).toMatchObject({ status: 'aborted', stop: { reason: 'deadline' }, requests: 0 });
    expect(returned).toBe(true);
  });

  it('when the source throws: what was read and not sent was not attempted', async () => {
    const failure = new Error('cursor lost');
    const source = (function* () {
      yield* users(1_300);
      throw failure;
    })();
    const report = await service.fanOut({ ...TEXT, to: source });
    expect(report).toMatchObject({ status: 'aborted', stop: { reason: 'source', error: failure } });
    expect(report.counts).toMatchObject({ input: 1_300, accepted: 1_200, notAttempted: 100 });
    expect(report.unaccepted!.notAttempted).toEqual(users(100, 1_200));
  });

  it.each([
    'AccessDenied.NoPermissionForApp',
    'InvalidParameter.NotExistAppId',
    'InvalidParameter.IllegalRoomID',
    'InvalidAccessKey',
  ] as const)('when the service refuses what all have in common: %s', async (code) => {
    emulator.faults.add({ kind: 'error', code, probability: 1 });
    const report = await service.fanOut({ ...TEXT, to: stream(users(100_000)) }, { concurrency: 3 });
    expect(report).toMatchObject({
      status: 'aborted',
      stop: { reason: 'refused', error: { apiCode: code } },
    });
    expect(report.requests).toBeLessThanOrEqual(3);
    expect(report.counts.input).toBeLessThan(5_000);
    expect(addsUp(report)).toBe(true);
  });

  it('when the service can not be reached for all of a chunk’s time', async () => {
    emulator.faults.add({ kind: 'refuse', forMs: 60_000 });
    const report = await service.fanOut(
      { ...TEXT, to: stream(users(100_000)) },
      { concurrency: 2, chunkDeadlineMs: 300 },
    );
    expect(report).toMatchObject({
      status: 'aborted',
      stop: { reason: 'unreachable' },
      counts: { accepted: 0 },
    });
    expect(report.counts.notAttempted).toBe(report.counts.input);
  });

  it('when the app closes', async () => {
    emulator.faults.add({ kind: 'late', delayMs: 50, probability: 1 });
    const sending = service.fanOut({ ...TEXT, to: stream(users(1_000_000)) }, { concurrency: 2 });
    while (emulator.requests.length < 2) await sleep(5);
    await module.close();
    const report = await sending;
    expect(report).toMatchObject({ status: 'aborted', stop: { reason: 'shutdown' } });
    expect(addsUp(report)).toBe(true);
  });

  it.each<[string, FanOutOptions]>([
    ['onChunk', { onChunk: () => Promise.reject(new Error('of the app')) }],
    [
      'onProgress',
      {
        onProgress: () => {
          throw new Error('of the app');
        },
      },
    ],
  ])('when %s throws', async (_name, callbacks) => {
    const report = await service.fanOut(
      { ...TEXT, to: stream(users(1_000_000)) },
      { concurrency: 1, ...callbacks },
    );
    expect(report).toMatchObject({
      status: 'aborted',
      stop: { reason: 'callback', error: { message: 'of the app' } },
    });
    expect(addsUp(report)).toBe(true);
    expect(report.counts.accepted).toBeGreaterThanOrEqual(600);
  });
});

describe('a fan-out keeps its word', () => {
  it('under a quota that is far smaller than what waits for it', async () => {
    await module.close();
    await open({ quota: { requestsPerSecond: 50 } });
    const report = await service.fanOut({ ...TEXT, to: users(100) }, { chunkSize: 1, chunkDeadlineMs: 300 });
    expect(report).toMatchObject({ status: 'accepted', counts: { accepted: 100 } });
  });

  it('when the caller uses the bytes of its message for something else meanwhile', async () => {
    const message = Buffer.from([1, 2, 3]);
    await service.fanOut(
      { roomId: 'room-1', to: users(5), message },
      { chunkSize: 1, concurrency: 1, onChunk: () => void message.fill(9) },
    );
    const messages = emulator.requests.map(
      ({ body }) => (JSON.parse(body.toString()) as { Message: string }).Message,
    );
    expect(new Set(messages)).toEqual(new Set(['AQID']));
  });

  it.each<[string, FanOutOptions]>([
    ['a deadline', { deadlineMs: 100 }],
    ['an abort', { signal: AbortSignal.timeout(100) }],
  ])('to end with %s, though onChunk hangs', async (_what, options) => {
    const report = await service.fanOut(
      { ...TEXT, to: stream(users(100_000)) },
      { ...options, onChunk: () => new Promise(() => undefined) },
    );
    expect(report.status).toBe('aborted');
    expect(addsUp(report)).toBe(true);
  });

  it('to end with the app, though the source hangs', async () => {
    let closed = false;
    const to: AsyncIterable<string> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => undefined),
        return: async () => {
          closed = true;
          return { done: true, value: undefined };
        },
      }),
    };
    const sending = service.fanOut({ ...TEXT, to });
    await sleep(20);
    await module.close();
    expect(await sending).toMatchObject({ status: 'aborted', stop: { reason: 'shutdown' } });
    expect(closed).toBe(true);
  });

  it('to report what an asynchronous onProgress throws', async () => {
    const report = await service.fanOut(
      { ...TEXT, to: stream(users(1_000_000)) },
      { concurrency: 1, onProgress: async () => Promise.reject(new Error('of the app')) },
    );
    expect(report).toMatchObject({ status: 'aborted', stop: { reason: 'callback' } });
  });

  it.each<[string, Iterable<string>]>([
    [
      'can not be opened',
      {
        [Symbol.iterator]: () => {
          throw new Error('db down');
        },
      },
    ],
    ['gives no iterator', { [Symbol.iterator]: () => undefined as never }],
    ['gives no steps', { [Symbol.iterator]: () => ({ next: () => undefined as never }) }],
  ])('to report, and not to throw, when the source %s', async (_what, to) => {
    const report = await service.fanOut({ ...TEXT, to });
    expect(report).toMatchObject({ status: 'aborted', stop: { reason: 'source' }, counts: { input: 0 } });
  });

  it('about everyone, when the stop comes after all were sent to', async () => {
    const controller = new AbortController();
    const report = await service.fanOut(
      { ...TEXT, to: users(10) },
      { signal: controller.signal, onChunk: () => controller.abort() },
    );
    expect(report).toMatchObject({
      status: 'accepted',
      stop: { reason: 'aborted' },
      counts: { accepted: 10 },
    });
  });

  it('with a signal that many share, and with one listener on it', async () => {
    const { signal } = new AbortController();
    emulator.faults.add({ kind: 'late', delayMs: 50, probability: 1 });
    const sending = Array.from({ length: 20 }, () => service.fanOut({ ...TEXT, to: ['alice'] }, { signal }));
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    await Promise.all(sending);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});

describe('a bad request for a fan-out', () => {
  it.each<[string, unknown, FanOutOptions, string[]]>([
    ['no recipients', { ...TEXT }, {}, ['to']],
    ['a string of recipients', { ...TEXT, to: 'alice' }, {}, ['to']],
    ['what is no source', { ...TEXT, to: {} }, {}, ['to']],
    ['several things at once', { roomId: 'a b', to: 7, message: '' }, {}, ['roomId', 'message', 'to']],
    ['nothing', null, {}, ['request']],
    [
      'wrong options',
      { ...TEXT, to: [] },
      { chunkSize: 601, dedupe: 'some' as never },
      ['options.chunkSize', 'options.dedupe'],
    ],
    ['options that are a list', { ...TEXT, to: [] }, [] as never, ['options']],
    ['a string object', { ...TEXT, to: new String('alice') }, {}, ['to']],
    ['an unknown option', { ...TEXT, to: [] }, { chunks: 1 } as never, ['options.chunks']],
  ])('with %s throws before anything is read', async (_what, request, options, paths) => {
    const error = await rejectionOf<RtcValidationError>(service.fanOut(request as never, options));
    expect(error).toBeInstanceOf(RtcValidationError);
    expect(error.issues.map(({ path }) => path).sort()).toEqual(expect.arrayContaining([...paths].sort()));
    expect(emulator.requests).toEqual([]);
  });

  it('without a sender throws too', async () => {
    await module.close();
    await open({ from: undefined });
    const error = await rejectionOf<RtcValidationError>(service.fanOut({ ...TEXT, to: ['alice'] }));
    expect(error.issues).toMatchObject([{ path: 'from' }]);
  });
});

describe('an estimate', () => {
  it('says how many requests there are, and how long they take under the quota', async () => {
    await module.close();
    await open({ quota: { requestsPerSecond: 500 } });
    expect(service.estimate(1_000_000)).toEqual({ requests: 1_667, durationMs: 3_200 });
    expect(service.estimate(0)).toEqual({ requests: 0, durationMs: 0 });
    expect(() => service.estimate(-1)).toThrow('recipients: must be a whole number from 0');
    expect(() => service.estimate(1, 601)).toThrow('chunkSize: must be a whole number from 1 to 600');
  });
});
