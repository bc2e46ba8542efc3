import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import type { InvalidRecipient } from 'nestjs-rtc-messaging';
import type { ChunkCompletion } from '../../lib/bullmq/chunk-completion.js';
import type { FanOutLedger, FanOutPlan } from '../../lib/bullmq/fan-out-ledger.js';
import { type ChunkBatch, nextDigest, NO_CHUNKS } from '../../lib/bullmq/read-ahead.js';
import { FAN_OUT_PLAN, ledgerOf } from '../support/ledger.js';
import { ownPrefix } from '../support/fan-out-queue.js';
import { redisForSuite } from '../support/redis.js';
import { until } from '../support/until.js';

/** Who enqueues. */
const [ONE, OTHER] = ['producer-1', 'producer-2'];
/** Two runs of one job: the second one begins when the first was taken for lost. */
const [FIRST, SECOND] = ['1000.1.a', '1000.2.b'];
const NONE: ChunkCompletion = {
  counts: { accepted: 0, rejected: 0, unknown: 0 },
  requests: 1,
  throttled: 0,
  rest: [],
};
const accepted = (count: number): ChunkCompletion => ({
  ...NONE,
  counts: { ...NONE.counts, accepted: count },
});

const redis = redisForSuite();
let prefix: string;
let ledger: FanOutLedger;
beforeEach(() => {
  prefix = `{${ownPrefix()}}`;
  ledger = ledgerOf(redis.client, prefix);
});
afterEach(async () => {
  const all = await redis.client.keys(`${prefix}*`);
  if (all.length > 0) await redis.client.del(all);
});

/** The chunks that most fan-outs here are of: of three, joined. */
const chunksOf = (count: number): string[] =>
  Array.from({ length: count }, (_none, index) => ['a', 'b', 'c'].map((letter) => letter + index).join());
const read = (input: number, invalid = 0) => ({ input, duplicates: 0, invalid });
const digestOf = (chunks: readonly string[]): string => chunks.reduce<string>(nextDigest, NO_CHUNKS);
const noId = (chunk: number): InvalidRecipient => ({ position: chunk, message: 'is no user ID' });
/** The last of a source's chunks, from one on, each with one that is no user ID. */
const batchOf = (chunks: readonly string[], from = 0): ChunkBatch => ({
  from,
  chunks: chunks.slice(from).map((recipients, at) => ({
    recipients,
    digest: digestOf(chunks.slice(0, from + at + 1)),
  })),
  digestBefore: digestOf(chunks.slice(0, from)),
  read: read(4 * chunks.length, chunks.length),
  invalid: chunks.slice(from).map((_chunk, at) => JSON.stringify(noId(from + at))),
  invalidBefore: from,
  isEnd: false,
});
/** Stores so many chunks of three. */
async function store(count: number, plan: Partial<FanOutPlan> = {}, isClosed = true): Promise<void> {
  await ledger.open('f', ONE, { ...FAN_OUT_PLAN, ...plan });
  const chunks = chunksOf(count);
  const batch = batchOf(chunks);
  await ledger.store('f', ONE, { ...batch, invalid: [], read: read(3 * count) });
  if (isClosed) await closeInput(chunks);
}
const closeInput = async (chunks: readonly string[]) =>
  (
    await ledger.store('f', ONE, {
      from: chunks.length,
      chunks: [],
      digestBefore: digestOf(chunks),
      read: read(3 * chunks.length),
      invalid: [],
      invalidBefore: 0,
      isEnd: true,
    })
  ).result;
/** Begins a chunk, and sends it as soon as it is given. */
type Claimed = Awaited<ReturnType<FanOutLedger['claim']>>;
const send = async (index: number, token: string): Promise<Claimed> => {
  const begun = await ledger.claim('f', index, token);
  if (begun.result === 'send') expect(await ledger.start('f', index, token)).toBe(true);
  return begun;
};
const recipientsOf = ({ result, chunk }: Claimed): readonly string[] | string => chunk?.recipients ?? result;
const counts = async (): Promise<object | undefined> => (await ledger.look('f'))?.counts;

describe('a chunk', () => {
  it('is given to one run, and to the same one as often as it asks', async () => {
    await store(1);
    expect(recipientsOf(await ledger.claim('f', 0, FIRST))).toEqual(['a0', 'b0', 'c0']);
    expect(recipientsOf(await send(0, FIRST))).toEqual(['a0', 'b0', 'c0']);
    expect(await ledger.start('f', 0, FIRST)).toBe(true);
    expect((await ledger.look('f'))?.inFlight).toBe(1);
  });

  it('that a lost run left in flight is unknown, and is not sent', async () => {
    await store(1);
    await send(0, FIRST);
    expect(recipientsOf(await send(0, SECOND))).toBe('presumed_unknown');
    expect(await ledger.look('f')).toMatchObject({
      state: 'ended',
      counts: { input: 3, unknown: 3, notAttempted: 0 },
    });
    // The run that was taken for lost comes too late: the report may have been read.
    expect((await ledger.complete('f', 0, FIRST, accepted(3))).result).toBe('fenced');
    expect(await counts()).toMatchObject({ unknown: 3, accepted: 0 });
  });

  it('that a lost run claimed, and had not sent, is sent by the next one, and by it alone', async () => {
    await store(1);
    await ledger.claim('f', 0, FIRST);
    expect((await ledger.look('f'))?.inFlight).toBe(0);
    expect(recipientsOf(await ledger.claim('f', 0, SECOND))).toEqual(['a0', 'b0', 'c0']);
    expect(await ledger.start('f', 0, FIRST)).toBe(false);
    expect(await ledger.start('f', 0, SECOND)).toBe(true);
    expect(await ledger.start('f', 0, FIRST)).toBe(false);
    expect((await ledger.complete('f', 0, FIRST, { ...NONE, rest: ['a0', 'b0', 'c0'] })).result).toBe(
      'fenced',
    );
    expect((await ledger.complete('f', 0, SECOND, accepted(3))).result).toBe('completed');
    expect(await ledger.look('f')).toMatchObject({ state: 'ended', counts: { accepted: 3 } });
  });

  it('that is claimed when the fan-out is cancelled is not attempted, and does not delay its end', async () => {
    await store(1);
    await ledger.claim('f', 0, FIRST);
    await ledger.cancel('f');
    expect(await ledger.look('f')).toMatchObject({ state: 'ended', counts: { notAttempted: 3 } });
    expect(await ledger.start('f', 0, FIRST)).toBe(false);
    expect((await ledger.complete('f', 0, FIRST, { ...NONE, rest: ['a0', 'b0', 'c0'] })).result).toBe(
      'returned',
    );
    await ledger.resume('f');
    // A step that was repeated after an outage, and comes late.
    expect(await ledger.start('f', 0, FIRST)).toBe(false);
    expect(recipientsOf(await send(0, SECOND))).toEqual(['a0', 'b0', 'c0']);
  });

  it('is known again when the run that was taken for lost reports in time', async () => {
    await store(2);
    await send(0, FIRST);
    await send(0, SECOND);
    expect(await counts()).toMatchObject({ unknown: 3 });
    expect((await ledger.complete('f', 0, FIRST, accepted(3))).result).toBe('completed');
    expect((await ledger.complete('f', 0, FIRST, accepted(3))).result).toBe('completed');
    expect(await counts()).toMatchObject({ unknown: 0, accepted: 3, notAttempted: 3 });
  });

  it('is pending again when the run that was taken for lost reports in time that it was not sent', async () => {
    await store(2);
    await send(0, FIRST);
    await send(0, SECOND);
    await send(1, FIRST);
    await ledger.complete('f', 1, FIRST, {
      ...NONE,
      counts: { accepted: 1, rejected: 0, unknown: 0 },
      rest: ['b1', 'c1'],
    });
    for (let time = 0; time < 2; time++) {
      const rest = { ...NONE, rest: ['a0', 'b0', 'c0'] };
      expect((await ledger.complete('f', 0, FIRST, rest)).result).toBe('returned');
    }
    expect(await ledger.look('f')).toMatchObject({
      counts: { accepted: 1, unknown: 0, notAttempted: 5 },
      inFlight: 0,
      completedChunks: 0,
    });
    expect(recipientsOf(await send(0, '2000.1.c'))).toEqual(['a0', 'b0', 'c0']);
    for (const key of await redis.client.keys(`${prefix}*:f:*`))
      expect(await redis.client.pttl(key)).toBeGreaterThan(0);
  });

  it('is not given to a run that wakes up after a later one has it', async () => {
    await store(1, { onUnknown: 'resend' });
    await send(0, SECOND);
    expect(recipientsOf(await send(0, FIRST))).toBe('superseded');
    expect((await ledger.complete('f', 0, FIRST, accepted(3))).result).toBe('fenced');
    expect((await ledger.complete('f', 0, SECOND, accepted(3))).result).toBe('completed');
    expect(recipientsOf(await send(0, FIRST))).toBe('completed');
    expect(await counts()).toMatchObject({ accepted: 3 });
  });

  it('that a lost run left in flight is sent again if the caller wants that, and is marked', async () => {
    await store(1, { onUnknown: 'resend' });
    await send(0, FIRST);
    const again = await send(0, SECOND);
    expect(again).toMatchObject({ result: 'send', chunk: { possibleDuplicate: true, onUnknown: 'resend' } });
    expect((await ledger.complete('f', 0, FIRST, accepted(3))).result).toBe('fenced');
    // What is not sent then is not pending again: it may have been accepted once.
    const rest = { ...accepted(1), rest: ['b0', 'c0'] };
    expect((await ledger.complete('f', 0, SECOND, rest)).result).toBe('returned');
    expect((await ledger.complete('f', 0, SECOND, rest)).result).toBe('returned');
    await ledger.cancel('f');
    expect((await ledger.look('f'))?.state).toBe('stopping');
    expect(recipientsOf(await send(0, '1000.3.c'))).toBe('presumed_unknown');
    expect(await ledger.look('f')).toMatchObject({
      state: 'ended',
      counts: { accepted: 1, unknown: 2, notAttempted: 0 },
    });
  });

  it('is counted once, however often it is reported', async () => {
    await store(2);
    await send(0, FIRST);
    expect((await ledger.complete('f', 0, FIRST, accepted(3))).result).toBe('completed');
    // The answer was lost, and the client asks again: no one has taken this run for lost.
    expect((await ledger.complete('f', 0, FIRST, accepted(3))).result).toBe('completed');
    expect(await ledger.look('f')).toMatchObject({
      counts: { accepted: 3 },
      requests: 1,
      inFlight: 0,
      completedChunks: 1,
    });
  });

  it('is pending again for those who were not sent to, and no one else', async () => {
    await store(1);
    await send(0, FIRST);
    await ledger.complete('f', 0, FIRST, { ...accepted(2), rest: ['c0'] });
    expect(await ledger.look('f')).toMatchObject({
      state: 'running',
      counts: { accepted: 2, notAttempted: 1 },
    });
    // The answer was lost, and the client asks again.
    const again = await ledger.complete('f', 0, FIRST, { ...accepted(2), rest: ['c0'] });
    expect(again.result).toBe('returned');
    expect(await counts()).toMatchObject({ accepted: 2, notAttempted: 1 });
    expect(recipientsOf(await ledger.claim('f', 0, SECOND))).toEqual(['c0']);
    expect((await ledger.complete('f', 0, SECOND, { ...NONE, rest: ['c0'] })).result).toBe('returned');
    expect((await ledger.complete('f', 0, SECOND, { ...NONE, rest: ['c0'] })).result).toBe('returned');
    const third = '1000.3.c';
    expect(recipientsOf(await send(0, third))).toEqual(['c0']);
    expect((await ledger.complete('f', 0, SECOND, { ...NONE, rest: ['c0'] })).result).toBe('fenced');
    await ledger.complete('f', 0, third, accepted(1));
    expect(await ledger.look('f')).toMatchObject({ state: 'ended', counts: { accepted: 3 } });
  });
});

describe('a fan-out', () => {
  it('is stored once, however many producers store it, and only in order', async () => {
    await store(3);
    await store(3);
    expect(await counts()).toMatchObject({ input: 9, notAttempted: 9 });
    expect((await ledger.look('f'))?.storedChunks).toBe(3);
  });

  it('is stored once by producers whose commands overlap, or come twice', async () => {
    await ledger.open('f', ONE, FAN_OUT_PLAN);
    await ledger.open('f', OTHER, FAN_OUT_PLAN);
    const chunks = chunksOf(7);
    const stored = { result: 'stored', completedChunks: 0, ready: { from: 0, to: 2 } };
    // As a client does whose connection was lost before the answer came.
    for (let time = 0; time < 2; time++) {
      expect(await ledger.store('f', ONE, batchOf(chunks.slice(0, 3)))).toMatchObject(stored);
      expect(await ledger.store('f', OTHER, batchOf(chunks.slice(0, 5), 1))).toMatchObject(stored);
      expect(await ledger.store('f', ONE, batchOf(chunks, 3))).toMatchObject(stored);
    }
    expect(await ledger.look('f')).toMatchObject({
      storedChunks: 7,
      counts: { input: 28, invalid: 7, notAttempted: 21 },
    });
    for (const [index, recipients] of chunks.entries()) {
      expect((await ledger.recipients('f', index)).join()).toBe(recipients);
    }
    expect(await ledger.invalid('f')).toEqual(chunks.map((_chunk, index) => noId(index)));
    expect(await closeInput(chunks)).toBe('closed');
  });

  it.each([0, 1, 2, 3])('is not continued by a source that differs in chunk %i of a command', async (at) => {
    const chunks = chunksOf(3);
    await store(3, {}, false);
    const other = [...chunksOf(5)];
    other[at] = 'z';
    const { result } = await ledger.store('f', OTHER, batchOf(other, 0));
    // Chunk 3 is the first one that only the other source has by now.
    expect(result).toBe(at === 3 ? 'stored' : 'differs');
    expect((await ledger.recipients('f', 2)).join()).toBe(chunks[2]);
    expect((await ledger.look('f'))?.storedChunks).toBe(at === 3 ? 5 : 3);
  });

  it('that is stopped, or has lost chunks, stores nothing of a command', async () => {
    await store(1, {}, false);
    expect((await ledger.store('f', ONE, batchOf(chunksOf(5), 2))).result).toBe('gone');
    await ledger.cancel('f');
    expect((await ledger.store('f', ONE, batchOf(chunksOf(3)))).result).toBe('stopped');
    expect((await ledger.look('f'))?.storedChunks).toBe(1);
  });

  it('is another one if anything of its message is, whatever its options', async () => {
    await store(1);
    expect(
      await ledger.open('f', OTHER, { ...FAN_OUT_PLAN, chunkSize: 9, onUnknown: 'resend' }),
    ).toMatchObject({
      result: 'opened',
      storedChunks: 1,
      chunkSize: 3,
    });
    const wire = { Binary: true, Message: 'aGk=' };
    expect(
      await ledger.open('f', OTHER, { ...FAN_OUT_PLAN, roomId: 'room-2', from: 'me', wire }),
    ).toMatchObject({
      result: 'differs',
      more: ['roomId', 'from', 'binary', 'message'],
    });
    expect(await ledger.open('f', OTHER, { ...FAN_OUT_PLAN, from: 'me' })).toMatchObject({ more: ['from'] });
  });

  it('accepts no more once its input is closed, and keeps how it was closed', async () => {
    await store(1);
    const more = [...chunksOf(1), 'z'];
    expect((await ledger.store('f', OTHER, batchOf(more, 1))).result).toBe('differs');
    expect(await closeInput(more)).toBe('differs');
    expect(await closeInput(chunksOf(1))).toBe('closed');
    expect(await ledger.look('f')).toMatchObject({ storedChunks: 1, counts: { input: 3 } });
  });

  it('goes on while any producer enqueues it, though others give up', async () => {
    await store(1, {}, false);
    await send(0, FIRST);
    await ledger.complete('f', 0, FIRST, accepted(3));
    await ledger.open('f', OTHER, FAN_OUT_PLAN);
    await ledger.producer('f', OTHER, 'gives up');
    expect((await ledger.look('f'))?.state).toBe('enqueuing');
    await ledger.open('f', OTHER, FAN_OUT_PLAN);
    await ledger.producer('f', ONE, 'gives up');
    expect((await ledger.look('f'))?.state).toBe('enqueuing');
    await ledger.producer('f', OTHER, 'gives up');
    expect(await ledger.look('f')).toMatchObject({ state: 'ended', stop: { reason: 'source' } });
  });

  it('has jobs for a bounded number of chunks ahead', async () => {
    await store(5);
    expect((await ledger.look('f'))?.ready).toEqual({ from: 0, to: 2 });
    await ledger.enqueued('f', 2);
    await send(1, FIRST);
    expect((await ledger.complete('f', 1, FIRST, accepted(3))).ready).toEqual({ from: 2, to: 3 });
    // The note that the jobs are there comes late: they are ready still.
    expect((await ledger.look('f'))?.ready).toEqual({ from: 2, to: 3 });
    await ledger.cancel('f');
    expect((await ledger.look('f'))?.ready).toEqual({ from: 2, to: 2, isEndReady: true });
  });

  it('begins nothing once it is cancelled, and ends with what is in flight', async () => {
    await store(2);
    await send(0, FIRST);
    expect((await ledger.cancel('f'))?.result).toBe('stopped');
    expect(recipientsOf(await send(1, FIRST))).toBe('stopped');
    expect((await ledger.look('f'))?.state).toBe('stopping');
    await ledger.complete('f', 0, FIRST, accepted(3));
    expect(await ledger.look('f')).toMatchObject({
      state: 'ended',
      counts: { accepted: 3, notAttempted: 3 },
    });
    await ledger.resume('f');
    expect((await ledger.look('f'))?.state).toBe('running');
    expect(recipientsOf(await send(1, FIRST))).toEqual(['a1', 'b1', 'c1']);
  });

  it('ends without its lost producer, and begins again when that was not lost', async () => {
    await store(1, { producerLostAfterMs: 1 }, false);
    await send(0, FIRST);
    await ledger.complete('f', 0, FIRST, accepted(3));
    await until(async () => (await ledger.look('f'))?.state === 'ended');
    expect(await ledger.look('f')).toMatchObject({ isComplete: false, stop: { reason: 'source' } });
    await ledger.producer('f', ONE, 'lives');
    const more = [...chunksOf(1), 'z'];
    expect((await ledger.store('f', ONE, batchOf(more, 1))).result).toBe('stored');
    await closeInput(more);
    expect(await ledger.look('f')).toMatchObject({ state: 'running', stop: undefined });
  });

  it('is not over when it is looked at right after an outage, before its producer can renew its lease', async () => {
    await store(1, { producerLostAfterMs: 600 }, false);
    await send(0, FIRST);
    await ledger.complete('f', 0, FIRST, accepted(3));
    // Long ago, by Redis's clock: as if it had been away since.
    await redis.client.zadd(ledger.key('f', 'producers'), 1, ONE);
    expect((await ledger.look('f'))?.state).toBe('enqueuing');
    // Who gives up was not lost, and the other may not be either.
    await ledger.open('f', OTHER, { ...FAN_OUT_PLAN });
    await ledger.producer('f', OTHER, 'gives up');
    expect((await ledger.look('f'))?.state).toBe('enqueuing');
    await redis.client.hset(ledger.key('f', 'meta'), 'missedSince', 1);
    await ledger.producer('f', ONE, 'lives');
    await redis.client.zadd(ledger.key('f', 'producers'), 1, ONE);
    expect((await ledger.look('f'))?.state).toBe('enqueuing');
    await redis.client.hset(ledger.key('f', 'meta'), 'missedSince', 1);
    expect((await ledger.look('f'))?.state).toBe('ended');
  });

  it('is not taken for enqueued, and has no negative duration, because Redis has set its clock back', async () => {
    await store(1, { producerLostAfterMs: 600 }, false);
    await send(0, FIRST);
    await ledger.complete('f', 0, FIRST, accepted(3));
    const ahead = Date.now() + 3_600_000;
    await redis.client.hset(ledger.key('f', 'meta'), { created: ahead, missedSince: ahead });
    await redis.client.zadd(ledger.key('f', 'producers'), ahead, ONE);
    // The first look misses it; it has three seconds to say that it lives.
    expect(await ledger.look('f')).toMatchObject({ state: 'enqueuing', elapsedMs: 0 });
    await until(async () => (await ledger.look('f'))?.state === 'ended');
    expect((await ledger.look('f'))?.elapsedMs).toBe(0);
  });

  it('lists outcomes of chunks in the order of Redis, whatever the clocks elsewhere show', async () => {
    await store(2);
    for (const index of [1, 0]) {
      await send(index, FIRST);
      const outcome = JSON.stringify({ chunks: [], unknown: 'a' });
      await ledger.complete('f', index, FIRST, { ...accepted(2), outcome });
      await sleep(5);
    }
    const told: Record<number, { at: number; unknown: string }> = {};
    for await (const [index, json] of ledger.outcomes('f')) told[index] = JSON.parse(json);
    expect(told[1]).toEqual({ chunks: [], unknown: 'a', at: expect.any(Number) });
    expect(told[1]!.at).toBeLessThan(told[0]!.at);
    const [seconds] = await redis.client.time();
    expect(Math.abs(told[0]!.at / 1_000 - Number(seconds))).toBeLessThan(5);
  });

  it('is kept while someone enqueues it or compares it, however short it is to be kept', async () => {
    await store(1, { maxIdleMs: 1_000, retentionMs: 1_000 }, false);
    const hold = async (): Promise<number[]> => {
      const all = await redis.client.keys(`${prefix}*f:*`);
      return Promise.all(all.map((key) => redis.client.pttl(key)));
    };
    const isKept = async (): Promise<void> => {
      const times = await hold();
      expect(times.length).toBeGreaterThan(2);
      expect(Math.min(...times)).toBeGreaterThan(10_000);
    };
    await isKept();
    await redis.client.pexpire(ledger.key('f', 'meta'), 5_000);
    await ledger.producer('f', ONE, 'lives');
    await isKept();
    await send(0, FIRST);
    await ledger.complete('f', 0, FIRST, accepted(3));
    await closeInput(chunksOf(1));
    expect(Math.max(...(await hold()))).toBeLessThanOrEqual(1_000);
    await ledger.open('f', OTHER, FAN_OUT_PLAN);
    expect(await redis.client.pttl(ledger.key('f', 'meta'))).toBeGreaterThan(10_000);
    await redis.client.pexpire(ledger.key('f', 'meta'), 5_000);
    await ledger.producer('f', OTHER, 'lives');
    expect(await redis.client.pttl(ledger.key('f', 'meta'))).toBeGreaterThan(10_000);
  });

  it('that is gone makes every step fail', async () => {
    expect(await ledger.look('f')).toBeUndefined();
    expect(await ledger.cancel('f')).toBeUndefined();
    expect(await ledger.resume('f')).toBeUndefined();
    expect((await send(0, FIRST)).result).toBe('gone');
    expect((await ledger.complete('f', 0, FIRST, accepted(1))).result).toBe('gone');
    await ledger.producer('f', ONE, 'lives');
    await ledger.producer('f', ONE, 'gives up');
    expect(await redis.client.keys(`${prefix}*`)).toEqual([]);
  });
});

describe('a chunk that is sent in parts', () => {
  const part = (inFlight: string, rest: string, accepted: number) => ({
    inFlight: inFlight === '' ? [] : inFlight.split(','),
    rest: rest === '' ? [] : rest.split(','),
    accepted,
  });

  it('has each part counted once, however often it is reported, and the whole in the end', async () => {
    await store(1);
    await ledger.claim('f', 0, FIRST);
    for (let time = 0; time < 2; time++) {
      expect(await ledger.start('f', 0, FIRST, part('a0', 'b0,c0', 0))).toBe(true);
    }
    expect(await counts()).toMatchObject({ accepted: 0 });
    for (let time = 0; time < 2; time++) {
      expect(await ledger.start('f', 0, FIRST, part('b0', 'c0', 1))).toBe(true);
    }
    expect(await counts()).toMatchObject({ accepted: 1 });
    expect((await ledger.look('f'))?.inFlight).toBe(1);
    expect(await ledger.recipients('f', 0)).toEqual(['b0', 'c0']);
    for (let time = 0; time < 2; time++) {
      expect((await ledger.complete('f', 0, FIRST, accepted(3))).result).toBe('completed');
    }
    expect(await counts()).toMatchObject({ accepted: 3, rejected: 0, unknown: 0 });
    expect((await ledger.look('f'))?.state).toBe('ended');
  });

  it('has only the part in flight unknown when its worker is lost, and the rest sent by the next one', async () => {
    await store(1);
    await ledger.claim('f', 0, FIRST);
    await ledger.start('f', 0, FIRST, part('a0', 'b0,c0', 0));
    await ledger.start('f', 0, FIRST, part('b0', 'c0', 1));
    expect(recipientsOf(await send(0, SECOND))).toEqual(['c0']);
    expect(await counts()).toMatchObject({ accepted: 1, unknown: 1 });
    // Whoever was lost comes too late.
    expect((await ledger.complete('f', 0, FIRST, accepted(3))).result).toBe('fenced');
    expect((await ledger.complete('f', 0, SECOND, accepted(1))).result).toBe('completed');
    expect(await counts()).toMatchObject({ accepted: 2, rejected: 0, unknown: 1 });
    expect((await ledger.look('f'))?.state).toBe('ended');
  });

  it('is as any other when its last part was in flight', async () => {
    await store(1);
    await ledger.claim('f', 0, FIRST);
    await ledger.start('f', 0, FIRST, part('a0,b0', 'c0', 0));
    await ledger.start('f', 0, FIRST, part('c0', '', 2));
    expect(recipientsOf(await ledger.claim('f', 0, SECOND))).toBe('presumed_unknown');
    expect(await counts()).toMatchObject({ accepted: 2, unknown: 1 });
  });

  it('is unknown as a whole when its last part was in flight and nothing was known of the others', async () => {
    await store(1);
    await ledger.claim('f', 0, FIRST);
    await ledger.start('f', 0, FIRST, part('a0', 'b0,c0', 0));
    await ledger.start('f', 0, FIRST, part('a0,b0', 'c0', 0));
    for (let time = 0; time < 2; time++) {
      expect(await ledger.start('f', 0, FIRST, part('a0,b0,c0', '', 0))).toBe(true);
    }
    expect(recipientsOf(await ledger.claim('f', 0, SECOND))).toBe('presumed_unknown');
    expect(await counts()).toMatchObject({ accepted: 0, unknown: 3, notAttempted: 0 });
  });

  it('is known again when the run that was taken for lost reports its last part in time', async () => {
    await store(2);
    await ledger.claim('f', 0, FIRST);
    await ledger.start('f', 0, FIRST, part('a0,b0', 'c0', 0));
    await ledger.start('f', 0, FIRST, part('c0', '', 2));
    await ledger.claim('f', 0, SECOND);
    expect((await ledger.complete('f', 0, FIRST, accepted(3))).result).toBe('completed');
    expect(await counts()).toMatchObject({ accepted: 3, unknown: 0, notAttempted: 3 });
  });

  it('gives back what was not sent to, and counts what was', async () => {
    await store(1);
    await ledger.claim('f', 0, FIRST);
    await ledger.start('f', 0, FIRST, part('a0', 'b0,c0', 0));
    await ledger.start('f', 0, FIRST, part('b0', 'c0', 1));
    const rest = { ...accepted(1), rest: ['b0', 'c0'] };
    expect((await ledger.complete('f', 0, FIRST, rest)).result).toBe('returned');
    expect(await counts()).toMatchObject({ accepted: 1 });
    expect(recipientsOf(await send(0, SECOND))).toEqual(['b0', 'c0']);
    await ledger.complete('f', 0, SECOND, accepted(2));
    expect(await counts()).toMatchObject({ accepted: 3 });
  });

  it('is sent again as a whole, but for what was accepted, where unknown outcomes are resent', async () => {
    await store(1, { onUnknown: 'resend' });
    await ledger.claim('f', 0, FIRST);
    await ledger.start('f', 0, FIRST, part('a0', 'b0,c0', 0));
    await ledger.start('f', 0, FIRST, part('b0', 'c0', 1));
    expect(await ledger.claim('f', 0, SECOND)).toMatchObject({
      result: 'send',
      chunk: { recipients: ['b0', 'c0'], possibleDuplicate: true },
    });
    expect(await ledger.start('f', 0, SECOND)).toBe(true);
    expect((await ledger.complete('f', 0, SECOND, accepted(2))).result).toBe('completed');
    expect(await counts()).toMatchObject({ accepted: 3, unknown: 0 });
  });

  it('is not begun once the fan-out is stopped, and its part in flight is unknown', async () => {
    await store(1);
    await ledger.claim('f', 0, FIRST);
    await ledger.start('f', 0, FIRST, part('a0', 'b0,c0', 0));
    await ledger.cancel('f');
    expect(recipientsOf(await ledger.claim('f', 0, SECOND))).toBe('stopped');
    expect(await counts()).toMatchObject({ unknown: 1 });
    expect((await ledger.look('f'))?.state).toBe('ended');
    expect(await ledger.recipients('f', 0)).toEqual(['b0', 'c0']);
  });
});
