import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { EventEmitter, getEventListeners, once } from 'node:events';
import type { FanOutEnqueueError, FanOutHandle } from 'nestjs-rtc-messaging/bullmq';
import { type QueueApp, startQueueApp } from '../support/fan-out-queue.js';
import { type StartedRedis, startRedis } from '../support/redis.js';
import { rejectionOf } from '../support/rejection.js';

const TEXT = { roomId: 'room-1', message: 'hello' };
const users = (count: number): string[] => Array.from({ length: count }, (_none, index) => `user-${index}`);

let redis: StartedRedis;
let app: QueueApp;
beforeEach(async () => {
  redis = await startRedis({ own: true });
  app = await startQueueApp(redis.url, { role: 'producer', lostAfterMs: 500 });
});
afterEach(async () => {
  await app.close();
  await redis.stop();
});

/** A source that pauses after ten, and goes on, or throws, when it is told to. */
async function startEnqueuing(id: string, signal?: AbortSignal, thrown?: Error) {
  const reading = new EventEmitter();
  const source = async function* (): AsyncGenerator<string> {
    yield* users(10);
    reading.emit('pause');
    await once(reading, 'go');
    if (thrown !== undefined) throw thrown;
    yield* users(20);
  };
  const paused = once(reading, 'pause');
  const options = { id, chunkSize: 10, ...(signal && { signal }) };
  const error = rejectionOf<FanOutEnqueueError>(app.queue.enqueue({ ...TEXT, to: source() }, options));
  await paused;
  return { error, go: () => reading.emit('go') };
}

describe('the fan-out queue while Redis is away', () => {
  let handle: FanOutHandle;
  beforeEach(async () => {
    handle = await app.queue.enqueue({ ...TEXT, to: users(10) });
  });

  it('waits for a result no longer than its time limit or its signal says', async () => {
    await redis.kill();
    expect(await rejectionOf(handle.result({ timeoutMs: 50 }))).toMatchObject({
      code: 'RTC_TIMEOUT',
      outcome: 'unknown',
      message: expect.stringContaining('has not ended within 50 ms'),
    });
    const aborting = new AbortController();
    const waiting = rejectionOf(handle.result({ signal: aborting.signal, timeoutMs: 3_600_000 }));
    aborting.abort();
    expect(await waiting).toMatchObject({ code: 'RTC_ABORTED', outcome: 'unknown' });
    expect(await rejectionOf(handle.result({ signal: aborting.signal }))).toMatchObject({
      code: 'RTC_ABORTED',
    });
  });

  it('ends enqueuing that waits for Redis by its signal, not as a failure of Redis', async () => {
    const aborting = new AbortController();
    const { error, go } = await startEnqueuing('aborted', aborting.signal);
    await redis.kill();
    go();
    const opening = rejectionOf<FanOutEnqueueError>(
      app.queue.enqueue({ ...TEXT, to: users(10) }, { id: 'opening', signal: aborting.signal }),
    );
    setImmediate(() => aborting.abort());
    for (const [id, enqueuing] of [
      ['aborted', error],
      ['opening', opening],
    ] as const) {
      const { message, fanOutId, outcome, cause } = await enqueuing;
      expect({ message, fanOutId, outcome, cause }).toEqual({
        message: expect.stringContaining(
          `Enqueuing fan-out ${id} was aborted. What was stored is sent. Enqueue the same request`,
        ),
        fanOutId: id,
        outcome: 'unknown',
        cause: undefined,
      });
    }
  });

  it('ends enqueuing that waits for Redis by a shutdown in the same way', async () => {
    const { error, go } = await startEnqueuing('shut-down');
    await redis.kill();
    go();
    await app.close();
    const { message, outcome, cause } = await error;
    expect({ message, outcome, cause }).toEqual({
      message: expect.stringContaining('Enqueuing fan-out shut-down was aborted. What was stored is sent. '),
      outcome: 'unknown',
      cause: undefined,
    });
  });

  it('reports a source that throws at once', async () => {
    const thrown = new Error('no more');
    const { error, go } = await startEnqueuing('thrown', undefined, thrown);
    await redis.kill();
    go();
    expect(await error).toMatchObject({ fanOutId: 'thrown', outcome: 'unknown', cause: thrown });
  });
});

it('many calls of enqueue() and result() add no listener each to what they share', async () => {
  const listening = jest.spyOn(EventTarget.prototype, 'addEventListener');
  try {
    const { signal } = new AbortController();
    const enqueuing = await Promise.all(
      Array.from({ length: 12 }, (_none, index) =>
        startEnqueuing(`many-${index}`, index % 2 === 0 ? signal : undefined),
      ),
    );
    const handles = await Promise.all(enqueuing.map((_one, index) => app.queue.get(`many-${index}`)));
    const results = handles.map((handle) => rejectionOf(handle!.result({ signal, timeoutMs: 200 })));
    const targets = new Set(listening.mock.contexts as EventTarget[]);
    expect(targets).toContain(signal);
    for (const target of targets) expect(getEventListeners(target, 'abort').length).toBeLessThanOrEqual(1);
    await Promise.all(results);
    await app.close();
    for (const { error } of enqueuing) expect(await error).toMatchObject({ code: 'RTC_ABORTED' });
    for (const target of targets) expect(getEventListeners(target, 'abort')).toEqual([]);
  } finally {
    listening.mockRestore();
  }
});
