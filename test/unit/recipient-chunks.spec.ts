import { describe, expect, it, jest } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { RtcValidationError } from '../../lib/errors/rtc-validation.error.js';
import { type Chunk, type Dedupe, RecipientChunks, InvalidItem } from '../../lib/fan-out/recipient-chunks.js';
import { rejectionOf } from '../support/rejection.js';

const users = (count: number): string[] => Array.from({ length: count }, (_none, index) => `u${index}`);

async function all(chunks: RecipientChunks): Promise<Chunk[]> {
  const read: Chunk[] = [];
  for (let chunk = await chunks.next(); chunk !== undefined; chunk = await chunks.next()) read.push(chunk);
  return read;
}
const idsOf = (chunks: readonly Chunk[]): string[] => chunks.flatMap(({ recipients }) => recipients);

/** Stopped while the source has yet to answer: `arrive` lets it. */
async function stoppedWhileReading() {
  let answer = (_step: IteratorResult<string>): void => undefined;
  const source: AsyncIterable<string> = {
    [Symbol.asyncIterator]: () => ({ next: () => new Promise((resolve) => (answer = resolve)) }),
  };
  const chunks = new RecipientChunks(source, 10, 'chunk');
  const reading = chunks.next();
  await sleep(1);
  chunks.stop();
  return { chunks, reading, arrive: (value: string): void => answer({ done: false, value }) };
}

describe('recipients that are read into chunks', () => {
  it('are in order, however fast chunks are asked for', async () => {
    const chunks = new RecipientChunks(users(2_000), 600, 'chunk');
    const read = await Promise.all(Array.from({ length: 7 }, () => chunks.next()));
    expect(read.map((chunk) => chunk?.recipients.length)).toEqual([
      600,
      600,
      600,
      200,
      undefined,
      undefined,
      undefined,
    ]);
    expect(read.map((chunk) => chunk?.index).slice(0, 4)).toEqual([0, 1, 2, 3]);
    expect(idsOf(read.slice(0, 4) as Chunk[])).toEqual(users(2_000));
  });

  it('are read no further than is asked for', async () => {
    let read = 0;
    const chunks = new RecipientChunks(
      (function* () {
        for (const user of users(100)) {
          read += 1;
          yield user;
        }
      })(),
      10,
      'chunk',
    );
    await chunks.next();
    expect(read).toBe(10);
  });

  it.each<[Dedupe, string[][], number]>([
    ['chunk', [['a', 'b'], ['b', 'c'], ['a']], 1],
    ['all', [['a', 'b'], ['c']], 3],
    [
      'none',
      [
        ['a', 'a'],
        ['b', 'b'],
        ['c', 'a'],
      ],
      0,
    ],
  ])('have no duplicates by %s', async (dedupe, expected, duplicates) => {
    const chunks = new RecipientChunks(['a', 'a', 'b', 'b', 'c', 'a'], 2, dedupe);
    expect((await all(chunks)).map(({ recipients }) => recipients)).toEqual(expected);
    expect([chunks.input, chunks.duplicates]).toEqual([6, duplicates]);
  });

  it.each<[string, unknown]>([
    ['gives a number', { next: () => 7 }],
    ['gives nothing', { next: () => undefined }],
    ['promises a string', { next: () => Promise.resolve('alice') }],
    ['promises nothing', { next: async () => undefined }],
    ['has no next()', {}],
    ['is none', 'alice'],
  ])('are refused where the iterator of their source %s', async (_what, iterator) => {
    for (const method of [Symbol.iterator, Symbol.asyncIterator]) {
      const chunks = new RecipientChunks({ [method]: () => iterator } as never, 2, 'chunk');
      const error = await rejectionOf<TypeError>(chunks.next());
      expect(error.name).toBe('TypeError');
      expect(error.message).not.toContain('alice');
      expect(await chunks.next()).toBeUndefined();
      expect(chunks.input).toBe(0);
    }
  });

  it('are as many different ones as can be remembered, and no more', async () => {
    const chunks = new RecipientChunks(users(100), 10, 'all', { maxSeen: 25 });
    await chunks.next();
    await chunks.next();
    const error = await rejectionOf<RtcValidationError>(chunks.next());
    expect(error.issues).toEqual([
      { path: 'to', message: "has more than 25 different users, which dedupe: 'all' can't hold" },
    ]);
    expect(await chunks.next()).toBeUndefined();
    // Six were read and not handed out; the sixth of them is the one too many.
    expect([chunks.input, chunks.takeRest().length]).toEqual([26, 6]);
  });

  it('end with a stop: the source is closed, and what was read is left', async () => {
    let returned = 0;
    const source = {
      *[Symbol.iterator]() {
        try {
          yield* users(100);
        } finally {
          returned += 1;
        }
      },
    };
    const chunks = new RecipientChunks(source, 10, 'chunk');
    await chunks.next();
    chunks.stop();
    chunks.stop();
    expect(await chunks.next()).toBeUndefined();
    expect([returned, chunks.takeRest(), chunks.input]).toEqual([1, [], 10]);
  });

  it('include those that arrive after the stop', async () => {
    const { chunks, reading, arrive } = await stoppedWhileReading();
    arrive('late');
    expect(await reading).toBeUndefined();
    expect([chunks.input, chunks.takeRest()]).toEqual([1, ['late']]);
  });

  it('exclude those that arrive after the count', async () => {
    const { chunks, reading, arrive } = await stoppedWhileReading();
    expect(chunks.takeRest()).toEqual([]);
    arrive('late');
    await reading;
    expect(chunks.input).toBe(0);
  });

  it('have the first thousand invalid IDs listed, and all of them counted', async () => {
    const chunks = new RecipientChunks(['alice', ...Array<string>(1_001).fill('')], 10, 'chunk');
    await all(chunks);
    expect([chunks.input, chunks.invalidCount, chunks.invalid.length]).toEqual([1_002, 1_001, 1_000]);
    expect(chunks.invalid.at(-1)).toMatchObject({ position: 1_000 });
  });

  it('exclude those that were read before the source threw', async () => {
    const source = (function* () {
      yield* users(5);
      throw new Error('lost');
    })();
    const chunks = new RecipientChunks(source, 10, 'chunk');
    expect((await rejectionOf(chunks.next())).message).toBe('lost');
    expect(await chunks.next()).toBeUndefined();
    expect([chunks.takeRest(), chunks.isComplete]).toEqual([users(5), false]);
  });

  it('end when the source throws, which is not closed then', async () => {
    let closed = false;
    const source: Iterable<string> = {
      [Symbol.iterator]: () => ({
        next: () => {
          throw new Error('lost');
        },
        return: () => {
          closed = true;
          return { done: true, value: undefined };
        },
      }),
    };
    const chunks = new RecipientChunks(source, 10, 'chunk');
    expect((await rejectionOf(chunks.next())).message).toBe('lost');
    chunks.stop();
    expect([closed, await chunks.next()]).toEqual([false, undefined]);
  });

  it.each([
    ['which are invalid', Array<string>(20_000).fill('a b'), 0.001, 18],
    ['and chunks that take long', users(200), 0.15, 18],
  ])('let the event loop run every millisecond, between items %s', async (_which, source, itemMs, least) => {
    let turns = 0;
    let ms = 0;
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => ms);
    const ticking = setImmediate(function tick() {
      turns += 1;
      setImmediate(tick).unref();
    });
    const readItem = (value: unknown): string | InvalidItem => {
      ms += itemMs;
      return value === 'a b' ? new InvalidItem('is none') : (value as string);
    };
    const chunks = new RecipientChunks<string>(source, 10, 'chunk', { readItem });
    while ((await chunks.next()) !== undefined);
    clearImmediate(ticking);
    clock.mockRestore();
    expect(turns).toBeGreaterThanOrEqual(least);
    expect(turns).toBeLessThan(least + 10);
  });
});
