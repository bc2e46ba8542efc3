import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type CountedMessage, RecipientCounts } from '../../lib/emulator/recipient-counts.js';

const MB = 1_048_576;
const large = (): RecipientCounts => new RecipientCounts(512 * MB);

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

  it('are the same whenever they are asked for', () => {
    const counts = large();
    for (let sent = 0; sent < 3; sent += 1) {
      addInChunks(counts, 0, 1_000);
      expect(counts.count('u999', 'hello')).toBe(sent + 1);
      expect(counts.duplicateCount).toBe(sent === 0 ? 0 : 1_000);
    }
    counts.add(message(), []);
    expect([counts.total, counts.duplicateCount]).toEqual([3_000, 1_000]);
  });

  it('keep the latest when there is no room for all, and say how many were forgotten', () => {
    const counts = new RecipientCounts(2 * MB);
    addInChunks(counts, 0, 20_000);
    expect(counts.duplicateCount).toBe(0);
    addInChunks(counts, 19_000, 20_000);
    addInChunks(counts, 20_000, 30_000);
    expect([counts.total, counts.duplicateCount]).toEqual([31_000, 1_000]);
    expect(counts.forgotten).toBeGreaterThan(5_000);
    const known = users(0, 30_000).reduce((sum, userId) => sum + counts.count(userId, 'hello'), 0);
    expect(known + counts.forgotten).toBe(31_000);
    expect(counts.count('u19999', 'hello')).toBe(2);
  });

  it.each([
    ['fan-outs', 600, 1_000_000],
    ['messages to one user each', 1, 150_000],
  ])('have room for so many recipients of %s in half of 512 MB', (_what, perMessage, recipients) => {
    const counts = new RecipientCounts(32 * MB);
    const to = Array.from({ length: perMessage }, (_none, index) => `${index}`.padStart(128, 'u'));
    for (let sent = 0; sent < recipients / 8; sent += perMessage) counts.add(message(), to);
    expect(counts.forgotten).toBe(0);
  });

  it('can be cleared', () => {
    const counts = new RecipientCounts(MB);
    addInChunks(counts, 0, 100_000);
    addInChunks(counts, 99_000, 100_000);
    counts.clear();
    expect([counts.total, counts.duplicateCount, counts.forgotten]).toEqual([0, 0, 0]);
    expect([counts.duplicates(), counts.count('u99999', 'hello')]).toEqual([[], 0]);
  });
});
