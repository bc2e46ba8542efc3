import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Global, Module, type OnModuleDestroy } from '@nestjs/common';
import { Queue } from 'bullmq';
import { setTimeout as sleep } from 'node:timers/promises';
import { RtcValidationError } from 'nestjs-rtc-messaging';
import { type DurableFanOutReport, FanOutEnqueueError, type FanOutHandle } from 'nestjs-rtc-messaging/bullmq';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { FanOutLedger } from '../../lib/bullmq/fan-out-ledger.js';
import { ownPrefix, type QueueApp, type QueueAppOptions, startQueueApp } from '../support/fan-out-queue.js';
import { redisForSuite } from '../support/redis.js';
import { rejectionOf } from '../support/rejection.js';
import { until } from '../support/until.js';

const TEXT = { roomId: 'room-1', message: 'hello' };

const redis = redisForSuite();
let emulator: RtcEmulator;
let prefix: string;
let apps: QueueApp[] = [];
beforeEach(async () => {
  prefix = ownPrefix();
  emulator = await RtcEmulator.start({ quota: { requestsPerSecond: Number.POSITIVE_INFINITY } });
});
afterEach(async () => {
  await Promise.all(apps.map((app) => app.close()));
  apps = [];
  await emulator.close();
  const keys = await redis.client.keys(`{${prefix}}*`);
  if (keys.length > 0) await redis.client.del(keys);
});

async function start(options: QueueAppOptions = {}): Promise<QueueApp> {
  const app = await startQueueApp(
    redis.server.url,
    { prefix, ...options },
    options.role === 'producer'
      ? undefined
      : { ...emulator.moduleOptions(), quota: { requestsPerSecond: 100_000 } },
  );
  apps.push(app);
  return app;
}

const users = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_none, index) => `user-${from + index}`);
const addsUp = ({ counts }: Pick<DurableFanOutReport, 'counts'>): boolean => {
  const { input, ...rest } = counts;
  return input === Object.values(rest).reduce((sum, count) => sum + count);
};
const timesSent = (ids: readonly string[], message = 'hello'): number[] =>
  ids.map((id) => emulator.accepted.count(id, message));
const unacceptedOf = async (handle: FanOutHandle): Promise<string[]> => {
  const all: string[] = [];
  for await (const { userId, outcome } of handle.unaccepted()) all.push(`${outcome} ${userId}`);
  return all.sort();
};

describe('a durable fan-out', () => {
  it('sends to everyone, and reports as fanOut does', async () => {
    const { queue } = await start();
    const handle = await queue.enqueue({ ...TEXT, to: ['a b', 'user-0', ...users(1_500)] });
    expect(await handle.result()).toEqual({
      id: handle.id,
      status: 'partial',
      counts: {
        input: 1_502,
        duplicates: 1,
        invalid: 1,
        accepted: 1_500,
        rejected: 0,
        unknown: 0,
        notAttempted: 0,
      },
      chunks: [],
      invalid: [{ position: 0, message: expect.stringContaining('contains a space') }],
      unaccepted: { rejected: [], unknown: [], notAttempted: [], truncated: false },
      elapsedMs: expect.any(Number),
      requests: 3,
      throttled: 0,
    });
    expect(timesSent(users(1_500)).every((times) => times === 1)).toBe(true);
  });

  it('has a handle that is found by its ID from another process, and progress that adds up', async () => {
    const producer = await start({ role: 'producer' });
    const { id } = await producer.queue.enqueue({ ...TEXT, to: users(1_000) }, { id: 'class-7' });
    expect(id).toBe('class-7');
    const worker = await start({ role: 'worker' });
    const handle = await worker.queue.get('class-7');
    const report = await handle?.result();
    expect(report?.status).toBe('accepted');
    const progress = await handle?.progress();
    expect(progress).toMatchObject({ id, state: 'ended', done: 1_000, total: 1_000, inFlight: 0 });
    expect(addsUp(progress!)).toBe(true);
    expect(await worker.queue.get('class-8')).toBeUndefined();
  });

  it('is the same one when it is enqueued twice under one ID, and no other may have that ID', async () => {
    const { queue } = await start();
    const [one, two] = await Promise.all([
      queue.enqueue({ ...TEXT, to: users(3_000) }, { id: 'once' }),
      queue.enqueue({ ...TEXT, to: users(3_000) }, { id: 'once' }),
    ]);
    const reports = await Promise.all([one.result(), two.result()]);
    expect(reports[0]).toEqual(reports[1]);
    expect(reports[0].counts).toMatchObject({ input: 3_000, accepted: 3_000 });
    await queue.enqueue({ ...TEXT, to: users(3_000) }, { id: 'once' });
    expect(timesSent(users(3_000)).every((times) => times === 1)).toBe(true);
    const error = await rejectionOf<RtcValidationError>(
      queue.enqueue({ ...TEXT, message: 'something else', to: users(3_000) }, { id: 'once' }),
    );
    expect(error).toBeInstanceOf(RtcValidationError);
    expect(error.issues).toEqual([
      { path: 'options.id', message: expect.stringMatching(/^once .*another message/) },
    ]);
    expect(JSON.stringify(error)).not.toContain('something else');
  });

  it.each([
    ['running', 'both', []],
    ['ended', 'both', ['ended']],
    ['waiting', 'producer', []],
  ] as const)('is not found by its ID with other recipients: %s', async (_state, role, [waitForEnd]) => {
    const { queue } = await start({ role });
    const first = await queue.enqueue({ ...TEXT, to: users(1_500) }, { id: 'mine' });
    if (waitForEnd !== undefined) await first.result();
    const same = async function* (): AsyncGenerator<string> {
      yield* users(1_500);
    };
    expect((await queue.enqueue({ ...TEXT, to: same() }, { id: 'mine', chunkSize: 7 })).id).toBe('mine');
    const others = {
      another: ['stranger', ...users(1_499, 1)],
      more: users(1_501),
      fewer: users(1_499),
      none: [],
      swapped: ['user-1', 'user-0', ...users(1_498, 2)],
    };
    for (const [what, to] of Object.entries(others)) {
      const error = await rejectionOf<RtcValidationError>(queue.enqueue({ ...TEXT, to }, { id: 'mine' }));
      expect([what, error.issues]).toEqual([
        what,
        [{ path: 'to', message: expect.stringContaining('of fan-out mine') }],
      ]);
      expect(JSON.stringify(error)).not.toMatch(/stranger|user-/);
    }
    expect((await first.progress()).counts.input).toBe(1_500);
    if (role === 'producer') return;
    expect(await first.result()).toMatchObject({ status: 'accepted', counts: { accepted: 1_500 } });
    expect(emulator.accepted.duplicates()).toEqual([]);
  });

  it('that was cancelled is not found by its ID with other recipients either', async () => {
    const { queue } = await start({ role: 'producer' });
    const handle = await queue.enqueue({ ...TEXT, to: users(10) }, { id: 'stopped' });
    await handle.cancel();
    expect((await queue.enqueue({ ...TEXT, to: users(10) }, { id: 'stopped' })).id).toBe('stopped');
    const error = await rejectionOf<RtcValidationError>(
      queue.enqueue({ ...TEXT, to: users(11) }, { id: 'stopped' }),
    );
    expect(error.issues[0]?.path).toBe('to');
  });

  it('streams its refused recipients one by one, and sends to the others', async () => {
    const { queue } = await start();
    emulator.faults.replace([
      { kind: 'error', code: 'InvalidParameter.IllegalTo', probability: 1, match: { userId: 'user-7' } },
    ]);
    const handle = await queue.enqueue({ ...TEXT, to: users(20) }, { chunkSize: 10 });
    const report = await handle.result();
    expect(report.counts).toMatchObject({ input: 20, accepted: 19, rejected: 1 });
    expect(report.status).toBe('partial');
    expect(report.chunks).toMatchObject([{ index: 0, outcome: 'rejected', recipients: 1 }]);
    expect(report.unaccepted?.rejected).toEqual(['user-7']);
    expect(await unacceptedOf(handle)).toEqual(['rejected user-7']);
  });

  it('stops when it is cancelled, reports the rest as not attempted, and goes on when it is resumed', async () => {
    const producer = await start({ role: 'producer' });
    const handle = await producer.queue.enqueue({ ...TEXT, to: users(500) }, { chunkSize: 10 });
    await start({ role: 'worker', concurrency: 2 });
    await until(async () => (await handle.progress()).counts.accepted >= 50);
    expect(await handle.cancel()).toBe(true);
    const stopped = await handle.result();
    expect(stopped).toMatchObject({ status: 'aborted', stop: { reason: 'aborted' } });
    expect(addsUp(stopped)).toBe(true);
    const { accepted, notAttempted } = stopped.counts;
    expect(notAttempted).toBeGreaterThan(0);
    expect(accepted + notAttempted).toBe(500);
    expect(await unacceptedOf(handle)).toHaveLength(notAttempted);
    expect(stopped.unaccepted?.notAttempted).toHaveLength(notAttempted);
    expect(timesSent(stopped.unaccepted!.notAttempted).every((times) => times === 0)).toBe(true);

    await handle.resume();
    expect(await handle.result()).toMatchObject({ status: 'accepted', counts: { accepted: 500 } });
    expect(timesSent(users(500)).every((times) => times === 1)).toBe(true);
    expect(await handle.cancel()).toBe(false);
  });

  it('goes on at once when it is resumed while a job ends that it had before', async () => {
    const { queue, module } = await start({ concurrency: 1, lookAhead: 3, lostAfterMs: 600_000 });
    emulator.faults.replace([{ kind: 'late', delayMs: 100, probability: 1 }]);
    const handle = await queue.enqueue({ ...TEXT, to: users(30) }, { chunkSize: 10 });
    await until(async () => (await handle.progress()).inFlight > 0);
    await handle.cancel();
    const ledger = module.get(FanOutLedger, { strict: false });
    const claim = ledger.claim.bind(ledger);
    // A worker finds a chunk's fan-out stopped, and is not done with the job yet.
    const claimed = await new Promise<Awaited<ReturnType<typeof claim>>>((resolve) => {
      jest.spyOn(ledger, 'claim').mockImplementationOnce(async (...given) => {
        const answer = await claim(...given);
        await handle.resume();
        resolve(answer);
        return answer;
      });
    });
    expect(claimed.result).toBe('stopped');
    expect((await handle.result({ timeoutMs: 5_000 })).counts.accepted).toBe(30);
    expect(timesSent(users(30)).every((times) => times === 1)).toBe(true);
  });

  it('is enqueued though it has as many chunks as may be stored, and no worker is there', async () => {
    const { queue } = await start({ role: 'producer', maxStoredChunks: 2 });
    const handle = await queue.enqueue({ ...TEXT, to: users(20) }, { chunkSize: 10 });
    expect(await handle.progress()).toMatchObject({ state: 'running', total: 20 });
  });

  it('takes turns with another one, however long that is', async () => {
    const producer = await start({ role: 'producer', lookAhead: 10 });
    const first = await producer.queue.enqueue({ ...TEXT, to: users(1_000) }, { chunkSize: 5 });
    const second = await producer.queue.enqueue(
      { ...TEXT, roomId: 'room-2', to: users(200) },
      { chunkSize: 5 },
    );
    await start({ role: 'worker', concurrency: 4 });
    await Promise.all([first.result(), second.result()]);
    const rooms = emulator.requests.map(
      ({ body }) => (JSON.parse(body.toString()) as { RoomId: string }).RoomId,
    );
    expect(rooms).toHaveLength(240);
    const before = rooms.slice(0, rooms.lastIndexOf('room-2'));
    // The second one's 40 chunks wait for as many of the first's, and for those that were queued before.
    expect(before.filter((room) => room === 'room-1').length).toBeLessThanOrEqual(40 + 10 + 4);
  });

  it('ends for all chunks when the service refuses what they have in common, and goes on when that is mended', async () => {
    const producer = await start({ role: 'producer' });
    const handle = await producer.queue.enqueue({ ...TEXT, to: users(500) }, { chunkSize: 10 });
    emulator.faults.replace([{ kind: 'error', code: 'AccessDenied', probability: 1 }]);
    await start({ role: 'worker', concurrency: 1 });
    const report = await handle.result();
    expect(report).toMatchObject({
      status: 'aborted',
      counts: { accepted: 0, rejected: 10, notAttempted: 490 },
      stop: { reason: 'refused', error: { code: 'RTC_API', apiCode: 'AccessDenied' } },
      chunks: [{ index: 0, outcome: 'rejected', recipients: 10, error: { apiCode: 'AccessDenied' } }],
    });
    emulator.faults.clear();
    await handle.resume();
    expect(await handle.result()).toMatchObject({
      status: 'partial',
      counts: { accepted: 490, rejected: 10, notAttempted: 0 },
    });
  });

  it('waits for a service that can not be reached', async () => {
    const { queue } = await start({ concurrency: 2 });
    const port = Number(new URL(emulator.url).port);
    await emulator.close();
    const handle = await queue.enqueue({ ...TEXT, to: users(50) }, { chunkSize: 10 });
    await until(async () => (await handle.progress()).inFlight > 0);
    emulator = await RtcEmulator.start({ port, quota: { requestsPerSecond: Number.POSITIVE_INFINITY } });
    expect(await handle.result()).toMatchObject({ status: 'accepted', counts: { accepted: 50 } });
  });

  it('is deleted some time after its end, message and recipients included', async () => {
    const { queue } = await start({ retentionMs: 1_000 });
    const handle = await queue.enqueue({ ...TEXT, to: users(100) }, { chunkSize: 10 });
    await handle.result();
    const keysOf = async (): Promise<string[]> => redis.client.keys(`{${prefix}}*${handle.id}*`);
    expect((await keysOf()).length).toBeGreaterThan(0);
    for (const key of await keysOf()) expect(await redis.client.pttl(key)).toBeLessThanOrEqual(1_000);
    await until(async () => (await keysOf()).length === 0);
    expect(await queue.get(handle.id)).toBeUndefined();
    const error = await rejectionOf<RtcValidationError>(handle.progress());
    expect(error.issues[0]?.path).toBe('id');
    expect(await redis.client.exists(`{${prefix}}:rtc-fan-out:fan-outs`)).toBe(0);
  });
});

describe('a source of a durable fan-out', () => {
  it('that fails leaves a fan-out that ends with what was stored, and can be continued under its ID', async () => {
    const { queue } = await start();
    const failing = async function* (): AsyncGenerator<string> {
      yield* users(1_250);
      throw new Error('the cursor was closed');
    };
    const error = await rejectionOf(queue.enqueue({ ...TEXT, to: failing() }, { id: 'cut-short' }));
    expect(error).toBeInstanceOf(FanOutEnqueueError);
    expect(error).toMatchObject({
      code: 'RTC_ABORTED',
      outcome: 'unknown',
      fanOutId: 'cut-short',
      message: expect.stringContaining('fan-out cut-short failed (Error'),
      cause: new Error('the cursor was closed'),
    });
    const handle = await queue.get('cut-short');
    expect(await handle?.result()).toMatchObject({
      status: 'aborted',
      stop: { reason: 'source' },
      counts: { input: 1_200, accepted: 1_200, notAttempted: 0 },
    });
    const again = await queue.enqueue({ ...TEXT, to: users(2_000) }, { id: 'cut-short' });
    expect(await again.result()).toMatchObject({
      status: 'accepted',
      counts: { input: 2_000, accepted: 2_000 },
    });
    expect(timesSent(users(2_000)).every((times) => times === 1)).toBe(true);
  });

  it('that fails gives the generated ID of the fan-out in its error, for continuing', async () => {
    const { queue } = await start();
    const failing = async function* (fail: () => void): AsyncGenerator<string> {
      yield* users(700);
      fail();
    };
    const fail = (): never => {
      throw 'no error at all';
    };
    const error = await rejectionOf<FanOutEnqueueError>(queue.enqueue({ ...TEXT, to: failing(fail) }));
    expect(error.message).toContain(`fan-out ${error.fanOutId}`);
    expect(JSON.parse(JSON.stringify(error))).toMatchObject({ fanOutId: error.fanOutId });
    const handle = await queue.enqueue({ ...TEXT, to: users(1_000) }, { id: error.fanOutId });
    expect(await handle.result()).toMatchObject({ status: 'accepted', counts: { accepted: 1_000 } });

    const revoked = Proxy.revocable({}, {});
    revoked.revoke();
    const failRevoked = (): never => {
      throw revoked.proxy as Error;
    };
    const other = await rejectionOf<FanOutEnqueueError>(queue.enqueue({ ...TEXT, to: failing(failRevoked) }));
    expect(other.message).toContain(`fan-out ${other.fanOutId} failed`);

    const aborting = new AbortController();
    const aborted = await rejectionOf<FanOutEnqueueError>(
      queue.enqueue(
        { ...TEXT, to: failing(() => aborting.abort()) },
        { signal: aborting.signal, chunkSize: 100 },
      ),
    );
    expect((await queue.get(aborted.fanOutId))?.id).toBe(aborted.fanOutId);
    expect(aborted.message).toContain(aborted.fanOutId);
  });

  it('that fails does not end the fan-out for another producer of the same, nor for a waiting result', async () => {
    const { queue } = await start();
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const slow = async function* (): AsyncGenerator<string> {
      yield* users(600);
      await released;
      yield* users(600, 600);
    };
    const enqueuing = queue.enqueue({ ...TEXT, to: slow() }, { id: 'together' });
    await until(async () => (await (await queue.get('together'))?.progress())?.counts.accepted === 600);
    const waiting = (await queue.get('together'))!.result();
    const failing = function* (): Generator<string> {
      yield* users(300);
      throw new Error('the cursor was closed');
    };
    await rejectionOf(queue.enqueue({ ...TEXT, to: failing() }, { id: 'together' }));
    await rejectionOf(queue.enqueue({ ...TEXT, to: users(600, 1) }, { id: 'together' }));
    expect((await (await queue.get('together'))!.progress()).state).toBe('enqueuing');
    release();
    await enqueuing;
    expect(await waiting).toMatchObject({ status: 'accepted', counts: { accepted: 1_200 } });
  });

  it('that differs from the first is refused, and no one is sent to twice', async () => {
    const { queue } = await start();
    const aborting = new AbortController();
    const stopping = function* (): Generator<string> {
      yield* users(1_200);
      aborting.abort();
      yield* users(600, 1_200);
    };
    const aborted = await rejectionOf(
      queue.enqueue({ ...TEXT, to: stopping() }, { id: 'changed', signal: aborting.signal }),
    );
    expect(aborted).toMatchObject({ code: 'RTC_ABORTED', outcome: 'unknown' });
    const error = await rejectionOf<RtcValidationError>(
      queue.enqueue({ ...TEXT, to: users(1_800, 1) }, { id: 'changed' }),
    );
    expect(error.issues[0]).toMatchObject({ path: 'to', message: expect.stringContaining('same source') });
    const shorter = await rejectionOf<RtcValidationError>(
      queue.enqueue({ ...TEXT, to: users(100) }, { id: 'changed' }),
    );
    expect(shorter.issues[0]?.path).toBe('to');
    expect(await (await queue.get('changed'))?.result()).toMatchObject({ status: 'aborted' });
    expect(emulator.accepted.duplicates()).toEqual([]);
  });

  it('is read no more than one chunk further than there is room for', async () => {
    const producer = await start({ role: 'producer', maxStoredChunks: 5 });
    let read = 0;
    const counted = function* (): Generator<string> {
      for (const user of users(200)) {
        read += 1;
        yield user;
      }
    };
    const enqueuing = producer.queue.enqueue({ ...TEXT, to: counted() }, { id: 'bounded', chunkSize: 10 });
    await until(() => read >= 50);
    await until(async () => (await (await producer.queue.get('bounded'))!.progress()).counts.input === 50);
    await sleep(200);
    expect(read).toBeLessThanOrEqual(60);
    expect((await (await producer.queue.get('bounded'))!.progress()).counts.input).toBe(50);
    await start({ role: 'worker' });
    expect(await (await enqueuing).result()).toMatchObject({ counts: { accepted: 200 } });
  });

  it('is read no further when the fan-out is cancelled, and its enqueuing ends', async () => {
    const { queue } = await start();
    const endless = async function* (): AsyncGenerator<string> {
      for (let user = 0; ; user++) yield `user-${user}`;
    };
    const enqueuing = queue.enqueue({ ...TEXT, to: endless() }, { id: 'endless' });
    await until(async () => (await queue.get('endless')) !== undefined);
    const handle = (await queue.get('endless'))!;
    expect((await handle.progress()).state).toBe('enqueuing');
    await handle.cancel();
    await enqueuing;
    const report = await handle.result();
    expect(report).toMatchObject({ status: 'aborted', stop: { reason: 'aborted' } });
    expect(addsUp(report)).toBe(true);
  });
});

describe('a fan-out queue', () => {
  it('has roles', async () => {
    const worker = await start({ role: 'worker' });
    const error = await rejectionOf(worker.queue.enqueue({ ...TEXT, to: users(1) }));
    expect(error).toMatchObject({ code: 'RTC_CONFIG', outcome: 'not_attempted' });

    const withoutService = startQueueApp(redis.server.url, { prefix, role: 'worker' });
    expect((await rejectionOf(withoutService)).message).toContain(
      'an RtcMessagingModule without a name, which is not imported',
    );
  });

  it('gives back chunks that wait for the quota when a worker is shut down, and another one sends them', async () => {
    const handle = await (
      await start({ role: 'producer' })
    ).queue.enqueue({ ...TEXT, to: users(300) }, { chunkSize: 10 });
    const slow = await startQueueApp(
      redis.server.url,
      { prefix, role: 'worker', concurrency: 8 },
      { ...emulator.moduleOptions(), quota: { requestsPerSecond: 20 } },
    );
    await until(async () => (await handle.progress()).counts.accepted > 0);
    await slow.close();
    const { counts, inFlight } = await handle.progress();
    expect(inFlight).toBe(0);
    expect(counts).toMatchObject({ rejected: 0, unknown: 0 });
    expect(counts.notAttempted).toBeGreaterThan(0);
    await start({ role: 'worker' });
    expect(await handle.result()).toMatchObject({ status: 'accepted', counts: { accepted: 300 } });
    expect(timesSent(users(300)).every((times) => times === 1)).toBe(true);
  });

  it('gives a closing worker no more chunks, however long its app takes', async () => {
    const begun: number[] = [];
    class Slow implements OnModuleDestroy {
      async onModuleDestroy(): Promise<void> {
        begun.push(emulator.requests.length);
        await sleep(800);
        begun.push(emulator.requests.length);
      }
    }
    class SlowModule {}
    Module({ providers: [Slow] })(SlowModule);
    // Its hooks come after all others.
    Global()(SlowModule);
    const rtc = { ...emulator.moduleOptions(), quota: { requestsPerSecond: 20 } };
    const closing = await startQueueApp(redis.server.url, { prefix, concurrency: 2 }, rtc, [SlowModule]);
    const handle = await closing.queue.enqueue({ ...TEXT, to: users(2_000) }, { chunkSize: 20 });
    await until(() => emulator.requests.length >= 5);
    await closing.close();
    const [before, after] = begun;
    // Those that were under way may yet have arrived.
    expect(after! - before!).toBeLessThanOrEqual(2);
    const { queue } = await start();
    const report = await (await queue.get(handle.id))!.result();
    expect(report).toMatchObject({ status: 'accepted', counts: { accepted: 2_000, unknown: 0 } });
    expect(new Set(timesSent(users(2_000)))).toEqual(new Set([1]));
  });

  it('finds chunks that have lost their jobs', async () => {
    const producer = await start({ role: 'producer', lookAhead: 5 });
    const handle = await producer.queue.enqueue({ ...TEXT, to: users(300) }, { chunkSize: 10 });
    // All of BullMQ's keys, and none of the ledger's.
    const keys = await redis.client.keys(`{${prefix}}:rtc-fan-out:*`);
    const jobKeys = keys.filter((key) => !key.startsWith(`{${prefix}}:rtc-fan-out:fan-out`));
    expect(jobKeys.length).toBeGreaterThanOrEqual(5);
    await redis.client.del(jobKeys);
    await start({ role: 'worker' });
    expect(await handle.result()).toMatchObject({ status: 'accepted', counts: { accepted: 300 } });
  });

  it('ignores jobs that someone else added, whatever they hold, and sends nothing twice for them', async () => {
    const connection = redis.client.duplicate({ maxRetriesPerRequest: null });
    const bull = new Queue('rtc-fan-out', { connection, prefix: `{${prefix}}` });
    try {
      emulator.faults.replace([{ kind: 'late', delayMs: 50, probability: 1 }]);
      const { queue } = await start();
      const handle = await queue.enqueue({ ...TEXT, to: users(100) }, { id: 'mine', chunkSize: 10 });
      for (const data of [null, 7, [], {}, { id: 'mine', index: 'x' }, { id: 'mine', index: 1.5 }]) {
        await bull.add('foreign', data);
      }
      for (const index of [0, 5, -7, 99_999]) await bull.add('foreign', { id: 'mine', index });
      await bull.add('foreign', { id: 'none', index: 0 });
      // A chunk in flight is taken from its worker by a job of that kind, and known again if it reports in time.
      const { accepted, unknown } = (await handle.result()).counts;
      expect(accepted + unknown).toBe(100);
      expect(emulator.accepted.duplicates()).toEqual([]);
      await until(async () => (await bull.getJobCountByTypes('wait', 'active')) === 0);
      expect(await bull.getFailedCount()).toBe(0);
    } finally {
      await bull.close();
      connection.disconnect();
    }
  });

  it('refuses receipt and once, and names them', async () => {
    const { queue } = await start({ role: 'producer' });
    for (const name of ['receipt', 'once']) {
      const error = await rejectionOf(queue.enqueue({ ...TEXT, to: users(1) }, { [name]: true }));
      expect(error).toMatchObject({
        code: 'RTC_VALIDATION',
        issues: [{ path: `options.${name}`, message: expect.stringContaining('is not an option') }],
      });
    }
  });

  it('refuses options of result() that can not be used, and names them', async () => {
    const { queue } = await start({ role: 'producer' });
    const handle = await queue.enqueue({ ...TEXT, to: users(1) });
    for (const options of [{ timeoutMs: Number.NaN }, { timeoutMs: -1 }, { timeoutMS: 5 }, { signal: 5 }]) {
      const [name] = Object.keys(options);
      const error = await rejectionOf(handle.result(options as object));
      expect(error).toMatchObject({ code: 'RTC_VALIDATION', issues: [{ path: `options.${name}` }] });
    }
  });

  it('that has shut down says so to whoever asks it', async () => {
    const app = await start({ role: 'producer' });
    const handle = await app.queue.enqueue({ ...TEXT, to: users(1) }, { id: 'asked' });
    await app.close();
    const asked = [
      () => app.queue.get('asked'),
      () => handle.progress(),
      () => handle.result(),
      () => handle.cancel(),
      () => handle.resume(),
      () => handle.unaccepted().next(),
    ];
    for (const ask of asked) {
      const error = await rejectionOf(ask());
      expect(error).toMatchObject({ code: 'RTC_ABORTED', message: expect.stringContaining('shutting down') });
    }
  });

  it('keeps no message and no recipient in its jobs', async () => {
    const producer = await start({ role: 'producer' });
    await producer.queue.enqueue({ ...TEXT, message: 'a secret', to: ['somebody'] });
    const jobs = (await redis.client.keys(`{${prefix}}:rtc-fan-out:*.0`))[0]!;
    expect(JSON.stringify(await redis.client.hgetall(jobs))).not.toMatch(/a secret|somebody/);
  });

  it('refuses to start with options that can not be used, and shows no password', async () => {
    const error = await rejectionOf(
      startQueueApp({ host: '127.0.0.1', port: redis.server.port, password: 'hunter2' }, {
        prefix: 'a b',
        concurrency: 0,
        retention: 5,
        role: 'producer',
      } as never),
    );
    expect(error.message).toContain('RtcFanOutQueueModule.prefix');
    expect(error.message).toContain('RtcFanOutQueueModule.concurrency');
    expect(error.message).toContain(
      'RtcFanOutQueueModule.retention: is not an option; did you mean retentionMs?',
    );
    expect(error.message).not.toContain('hunter2');
  });
});
