import { describe, expect, it } from '@jest/globals';
import { nextDigest, NO_CHUNKS, ReadAhead } from '../../lib/bullmq/read-ahead.js';
import { RecipientChunks } from '../../lib/fan-out/recipient-chunks.js';
import { rejectionOf } from '../support/rejection.js';
import { until } from '../support/until.js';

const users = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_none, index) => `u${from + index}`);
const readAhead = (source: Iterable<unknown> | AsyncIterable<unknown>, chunkSize: number, from = 0) =>
  new ReadAhead(new RecipientChunks(source, chunkSize, 'chunk'), from);
const recipientsOf = (batch: Awaited<ReturnType<ReadAhead['next']>>): string[] | undefined =>
  batch?.chunks.map(({ recipients }) => recipients);
/** A source that counts what was read of it. */
class Counted {
  read = 0;
  constructor(private readonly users: readonly string[]) {}
  *[Symbol.iterator](): Generator<string> {
    for (const user of this.users) {
      this.read += 1;
      yield user;
    }
  }
}

describe('ReadAhead', () => {
  it('hands out a full chunk at once, though the source goes on slowly', async () => {
    let goOn: (() => void) | undefined;
    const slow = async function* (): AsyncGenerator<string> {
      yield* users(3);
      await new Promise<void>((resolve) => (goOn = resolve));
      yield* users(1, 3);
    };
    const source = readAhead(slow(), 2);
    expect(recipientsOf(await source.next(10))).toEqual(['u0,u1']);
    const next = source.next(10);
    await until(() => goOn !== undefined);
    goOn?.();
    expect(recipientsOf(await next)).toEqual(['u2,u3']);
    expect(await source.next(10)).toMatchObject({ chunks: [], isEnd: true, invalid: [] });
  });

  it('hands out together what was read meanwhile, with its digests and what is no user ID', async () => {
    const counted = new Counted(['u0', 'a b', 'u1', 'u2', 'u3', 'u4', 'u5', 'c d']);
    const source = readAhead(counted, 2);
    const first = await source.next(10);
    expect(first).toMatchObject({ from: 0, digestBefore: NO_CHUNKS });
    await until(() => counted.read === 8);
    const digests = ['u0,u1', 'u2,u3', 'u4,u5'].reduce<string[]>(
      (all, chunk) => [...all, nextDigest(all.at(-1) ?? NO_CHUNKS, chunk)],
      [],
    );
    const second = await source.next(10);
    const all = [first, second].flatMap((batch) => batch?.chunks ?? []);
    expect(all.map(({ digest }) => digest)).toEqual(digests);
    expect(all.map(({ recipients }) => recipients)).toEqual(['u0,u1', 'u2,u3', 'u4,u5']);
    expect(second?.digestBefore).toBe(digests[(second?.from ?? 0) - 1]);
    const last = await source.next(10);
    expect(last).toMatchObject({
      from: 3,
      chunks: [],
      digestBefore: digests.at(-1),
      read: { input: 8, duplicates: 0, invalid: 2 },
      isEnd: true,
    });
    const batches = [first, second, last];
    expect(batches.flatMap(({ invalid }) => invalid.map((one) => JSON.parse(one).position))).toEqual([1, 7]);
    expect(last.invalidBefore + last.invalid.length).toBe(2);
  });

  it('reads no further than it may, and goes on when it may', async () => {
    const counted = new Counted(users(20));
    const source = readAhead(counted, 2);
    const batches = [await source.next(3)];
    while ((batches.at(-1)?.from ?? 0) + (batches.at(-1)?.chunks.length ?? 0) < 3) {
      batches.push(await source.next(3));
    }
    await new Promise(setImmediate);
    expect(counted.read).toBe(6);
    expect(recipientsOf(await source.next(4))).toEqual(['u6,u7']);
  });

  it.each([
    ['in number', 250, 1, 1, 100],
    ['in length', 25_000, 60, 100, 17],
  ])('holds a bounded batch: %s', async (_what, count, chunkSize, length, most) => {
    const long = users(count).map((user) => user.padEnd(length, 'x'));
    const counted = new Counted(long);
    const source = readAhead(counted, chunkSize);
    await source.next(1_000);
    let read = 0;
    await until(async () => {
      await new Promise(setImmediate);
      const isAtRest = read === counted.read;
      read = counted.read;
      return isAtRest;
    });
    expect((await source.next(1_000))?.chunks).toHaveLength(most);
  });

  it('hands out what was read before the source failed, and then fails', async () => {
    const failing = function* (): Generator<string> {
      yield* users(5);
      throw new Error('the cursor was closed');
    };
    const source = readAhead(failing(), 2);
    const all: string[] = [];
    const error = await rejectionOf(
      (async () => {
        for (;;) all.push(...(recipientsOf(await source.next(10)) ?? []));
      })(),
    );
    expect(error).toEqual(new Error('the cursor was closed'));
    expect(all).toEqual(['u0,u1', 'u2,u3']);
  });

  it('begins with a later chunk, and knows the digest of those before it, however many', async () => {
    const source = readAhead(new Counted(users(500)), 2, 249);
    const batch = await source.next(250);
    expect(batch?.from).toBe(249);
    expect(recipientsOf(batch)).toEqual(['u498,u499']);
    const before = Array.from({ length: 249 }, (_none, at) => users(2, 2 * at).join());
    expect(batch?.digestBefore).toBe(before.reduce<string>(nextDigest, NO_CHUNKS));
    expect(await source.next(251)).toMatchObject({ chunks: [], isEnd: true, invalid: [] });
  });

  it('reads no further when it is stopped', async () => {
    let isClosed = false;
    const endless = async function* (): AsyncGenerator<string> {
      try {
        for (let user = 0; ; user++) yield `u${user}`;
      } finally {
        isClosed = true;
      }
    };
    const source = readAhead(endless(), 2);
    await source.next(1_000_000);
    source.stop();
    await until(() => isClosed);
  });
});
