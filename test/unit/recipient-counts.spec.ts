import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RecentCounts } from '../../lib/emulator/recent-counts.js';
import { type CountedMessage, RecipientCounts } from '../../lib/emulator/recipient-counts.js';
import { seededRandom } from '../../lib/emulator/seeded-random.js';

const MB = 1_048_576;
const large = (): RecipientCounts => new RecipientCounts(512 * MB, 8 * MB);

const message = (changes: Partial<CountedMessage> = {}): CountedMessage => ({
  roomId: 'room-1',
  from: 'server',
  message: 'hello',
  ...changes,
});
const users = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_none, index) => `u${from + index}`);
const addInChunks = (counts: RecipientCounts, from: number, to: number): void => {
  for (let first = from; first < to; first += 600)
    counts.add(message(), users(first, Math.min(first + 600, to)));
};

describe('the counts of recipients', () => {
  it('are those of a plain map, whatever is sent to whom', () => {
    const userId = fc.stringMatching(/^[a-zA-Z0-9@._-]{1,9}$/);
    const sending = fc.record({
      roomId: fc.constantFrom('room-1', 'room-2', undefined),
      from: fc.constantFrom('server', 'other'),
      message: fc.constantFrom<string | Uint8Array>('hello', 'bye', Buffer.from('hello')),
      to: fc.array(fc.oneof(fc.constantFrom('a', 'b', 'ab', 'ba', 'a.', '.'), userId), { maxLength: 20 }),
    });
    fc.assert(
      fc.property(fc.array(sending, { maxLength: 30 }), (sendings) => {
        const counts = large();
        const model = new Map<string, number>();
        for (const { to, ...sent } of sendings) {
          counts.add(sent, to);
          for (const user of to) {
            const { roomId = null, from, message } = sent;
            const key = JSON.stringify([String(message), user, roomId, from, typeof message]);
            model.set(key, (model.get(key) ?? 0) + 1);
          }
        }
        const times = [...model.values()];
        expect(counts.total).toBe(times.reduce((sum, count) => sum + count, 0));
        expect(counts.duplicateCount).toBe(times.filter((count) => count > 1).length);
        expect(
          counts
            .duplicates()
            .map((one) => one.times)
            .sort(),
        ).toEqual(times.filter((count) => count > 1).sort());
        for (const user of new Set(sendings.flatMap(({ to }) => to))) {
          const expected = [...model]
            .filter(([key]) => key.startsWith(JSON.stringify(['hello', user]).slice(0, -1) + ','))
            .reduce((sum, [, count]) => sum + count, 0);
          expect(counts.count(user, 'hello')).toBe(expected);
        }
      }),
    );
  });

  it('grow by and by, so that no request waits while all tables grow', () => {
    const original = Int32Array;
    let words = 0;
    globalThis.Int32Array = new Proxy(original, {
      construct(target, given: [number]) {
        words += given[0];
        return new target(...given);
      },
    });
    try {
      const counts = new RecentCounts(512 * MB);
      const owner = original.of(0, 0, 0);
      const grown: number[] = [];
      for (let step = 0; step < 20; step++) {
        words = 0;
        for (let n = 0; n < 20_000; n++) counts.increase(original.of(step * 20_000 + n, 0, 0), owner);
        grown.push(words);
      }
      // Of 200,000 counts to 400,000 all tables double.
      const later = grown.slice(10);
      expect(Math.max(...later)).toBeLessThan(0.4 * later.reduce((sum, grew) => sum + grew, 0));
    } finally {
      globalThis.Int32Array = original;
    }
  });

  it('name who, where, what and how often in a duplicate', () => {
    const counts = large();
    for (let times = 0; times < 3; times += 1) counts.add(message(), ['alice', 'bob'].slice(0, 3 - times));
    counts.add(message({ roomId: undefined }), ['carol', 'carol']);
    const messageSha256 = '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';
    expect(counts.duplicates()).toEqual([
      { roomId: 'room-1', userId: 'alice', messageSha256, times: 3 },
      { roomId: 'room-1', userId: 'bob', messageSha256, times: 2 },
      { userId: 'carol', messageSha256, times: 2 },
    ]);
  });

  it.each<[string, Partial<CountedMessage>]>([
    ['into another room', { roomId: 'room-2' }],
    ['outside of rooms', { roomId: undefined }],
    ['from another sender', { from: 'other' }],
    ['as binary', { message: Buffer.from('hello') }],
  ])('are no duplicates of the same content that is sent %s', (_how, changes) => {
    const counts = large();
    counts.add(message(), ['alice']);
    counts.add(message(changes), ['alice']);
    expect([counts.duplicates(), counts.duplicateCount]).toEqual([[], 0]);
    // How often alice got it, in any room and from anyone.
    expect([counts.count('alice', 'hello'), counts.total]).toEqual([2, 2]);
    counts.add(message(changes), ['alice']);
    expect(counts.duplicates()).toMatchObject([{ userId: 'alice', times: 2 }]);
    expect(counts.count('alice', 'hello')).toBe(3);
  });

  it('are answered without counting again, however many deliveries there were', () => {
    const counts = new RecipientCounts(64 * MB, 8 * MB);
    const { user: before } = process.cpuUsage();
    addInChunks(counts, 0, 200_000);
    addInChunks(counts, 0, 200_000);
    const { user: added } = process.cpuUsage();
    expect([counts.total, counts.duplicateCount, counts.forgotten]).toEqual([400_000, 200_000, 0]);
    expect(counts.duplicates().length + counts.listed.dropped).toBe(200_000);
    expect([counts.count('u0', 'hello'), counts.count('u199999', 'hello')]).toEqual([2, 2]);
    // Counting them then took longer than adding them.
    expect(process.cpuUsage().user - added).toBeLessThan((added - before) / 2);
  });

  it('have room for one in 44 bytes, which are 3 million in a quarter of 512 MB', () => {
    const bytes = 16 * MB;
    const counts = new RecentCounts(bytes);
    const random = seededRandom(1);
    const words = new Int32Array(3);
    const addAsMany = (): void => {
      for (let index = 0; index < bytes / 44; index += 1) {
        words[0] = random() * 2 ** 32;
        words[1] = random() * 2 ** 32;
        counts.increase(words, words);
      }
    };
    addAsMany();
    const latest = words.slice();
    addAsMany();
    // There are as many again before any is forgotten.
    expect([counts.forgotten, counts.get(latest)]).toEqual([0, 1]);
    addAsMany();
    addAsMany();
    expect(counts.forgotten).toBeGreaterThan(bytes / 44);
    expect((512 * MB) / 4 / 44).toBeGreaterThan(3_000_000);
    // And for deliveries, which have a quarter of that.
    expect((512 * MB) / 16 / 44).toBeGreaterThan(750_000);
  });

  it('keep the latest when there is no room for all, and say how many were forgotten', () => {
    const counts = new RecipientCounts(2 * MB, MB);
    addInChunks(counts, 0, 200_000);
    addInChunks(counts, 190_000, 200_000);
    expect(counts.total).toBe(210_000);
    expect(counts.duplicateCount).toBe(10_000);
    expect(counts.forgotten).toBeGreaterThan(50_000);
    const known = users(0, 200_000).filter((userId) => counts.count(userId, 'hello') > 0);
    // Those who moved to a later table before the earlier was forgotten are known, and not counted as forgotten.
    expect(known.length + counts.forgotten).toBe(200_000);
    expect(counts.count('u199999', 'hello')).toBe(2);
  });

  it.each([
    ['one message to many users', (index: number) => ['hello', `u${index}`]],
    ['a message of its own to each user', (index: number) => [`hello ${index}`, `u${index}`]],
    ['many messages to one user', (index: number) => [`hello ${index}`, 'alice']],
  ])('hold as many pairs of %s', (_which, pair) => {
    const counts = new RecipientCounts(MB / 2, MB);
    // So small a table holds one in 72 bytes at least, a large one in 44; the latest two tables are there.
    const held = Math.floor(MB / 2 / 72);
    for (let index = 0; index < held * 2; index += 1) {
      const [content = '', userId = ''] = pair(index);
      counts.add(message({ message: content, roomId: `room-${index}` }), [userId]);
    }
    expect([counts.forgotten, counts.total]).toEqual([0, held * 2]);
    for (let index = held * 2; index < held * 6; index += 1) {
      const [content = '', userId = ''] = pair(index);
      counts.add(message({ message: content }), [userId]);
    }
    expect(counts.forgotten).toBeGreaterThan(0);
    const known = (index: number): boolean => {
      const [content = '', userId = ''] = pair(index);
      return counts.count(userId, content) > 0;
    };
    expect([known(held * 5), known(held * 6 - 1), known(0)]).toEqual([true, true, false]);
  });

  it('list the latest duplicates, and count all', () => {
    const counts = new RecipientCounts(8 * MB, 10_240);
    addInChunks(counts, 0, 30);
    addInChunks(counts, 0, 30);
    counts.add(message(), ['u0', 'u29']);
    const listed = counts.duplicates();
    expect(listed.length).toBeGreaterThanOrEqual(9);
    expect(listed.at(-1)).toMatchObject({ userId: 'u29', times: 3 });
    expect(counts.duplicateCount).toBe(30);
    expect(listed.length + counts.listed.dropped).toBe(30);
  });

  it('can be cleared', () => {
    const counts = new RecipientCounts(MB, 1_024);
    addInChunks(counts, 0, 100_000);
    addInChunks(counts, 99_000, 100_000);
    counts.clear();
    expect([counts.total, counts.duplicateCount, counts.forgotten, counts.listed.dropped]).toEqual([
      0, 0, 0, 0,
    ]);
    expect([counts.duplicates(), counts.count('u99999', 'hello')]).toEqual([[], 0]);
  });
});
