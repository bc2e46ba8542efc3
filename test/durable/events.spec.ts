import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SpanStatusCode } from '@opentelemetry/api';
import { Redis } from 'ioredis';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RtcEvent, RtcFanOutInfo } from 'nestjs-rtc-messaging';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { listenToEvents } from '../support/events.js';
import { ownPrefix, type QueueApp, type QueueAppOptions, startQueueApp } from '../support/fan-out-queue.js';
import { type Sdk, startSdk, toMs } from '../support/open-telemetry.js';
import { type StartedRedis, startRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const TEXT = { roomId: 'room-1', message: 'hello' };
const users = (count: number): string[] => Array.from({ length: count }, (_none, index) => `user-${index}`);

let redis: StartedRedis;
let emulator: RtcEmulator;
let listening: ReturnType<typeof listenToEvents>;
let sdk: Sdk;
let prefix: string;
let apps: QueueApp[] = [];
beforeEach(async () => {
  redis = await startRedis();
  emulator = await RtcEmulator.start({ quota: { requestsPerSecond: Number.POSITIVE_INFINITY } });
  sdk = startSdk();
  listening = listenToEvents();
  prefix = ownPrefix();
});
afterEach(async () => {
  await Promise.all(apps.map((app) => app.close()));
  apps = [];
  listening.stop();
  await sdk.close();
  await emulator.close();
  await redis.stop();
});

/** Each stands for a process: they share nothing but Redis. */
async function start(options: QueueAppOptions): Promise<QueueApp> {
  const rtc = { ...emulator.moduleOptions(), quota: { requestsPerSecond: 100_000 } };
  const app = await startQueueApp(
    redis.url,
    { prefix, ...options },
    options.role === 'producer' ? undefined : rtc,
  );
  apps.push(app);
  return app;
}

const eventsOf = <T extends RtcEvent['type']>(type: T): Extract<RtcEvent, { type: T }>[] =>
  listening.events.filter((event): event is Extract<RtcEvent, { type: T }> => event.type === type);
/** What was told of fan-outs, once all of it was: nothing more comes. */
async function toldOf(ends: number): Promise<string[]> {
  await until(() => eventsOf('fan_out_outcome').length >= ends);
  await sleep(300);
  return listening.events.flatMap((event) => {
    if (event.type === 'fan_out_begin') return [`begin ${event.fanOut.id}`];
    return event.type === 'fan_out_outcome' ? [`${event.status} ${event.fanOut.id}`] : [];
  });
}

describe('a durable fan-out, in events', () => {
  it('is one fan-out with its own ID, of which all calls are, however many workers send it', async () => {
    const { queue } = await start({ role: 'producer' });
    const enqueued = Date.now();
    const handle = await queue.enqueue(
      { ...TEXT, to: ['a b', ...users(1_000)] },
      { id: 'one', chunkSize: 10 },
    );
    await Promise.all([1, 2, 3].map(() => start({ role: 'worker', concurrency: 4 })));
    const { counts, requests, elapsedMs } = await handle.result();
    expect(await toldOf(1)).toEqual(['begin one', 'partial one']);

    const fanOut: RtcFanOutInfo = {
      module: 'default',
      id: 'one',
      startedAt: expect.any(String) as never,
      durable: true,
    };
    const [end] = eventsOf('fan_out_outcome');
    expect(end).toEqual({
      type: 'fan_out_outcome',
      fanOut,
      status: 'partial',
      counts,
      requests,
      throttled: 0,
      durationMs: elapsedMs,
    });
    expect(Math.abs(Date.parse(end!.fanOut.startedAt) - enqueued)).toBeLessThan(2_000);
    const calls = eventsOf('begin');
    expect(calls).toHaveLength(100);
    for (const { call } of calls) expect(call.fanOut).toEqual(fanOut);
  });

  it.each([
    ['of one chunk', users(1)],
    ['of no one', []],
  ])('ends once where a producer is the last to work on it: %s', async (_what, to) => {
    await start({ role: 'worker' });
    const { queue } = await start({ role: 'producer' });
    for (const id of ['a', 'b', 'c']) await (await queue.enqueue({ ...TEXT, to }, { id })).result();
    const told = await toldOf(3);
    expect(told.sort()).toEqual(['accepted a', 'accepted b', 'accepted c', 'begin a', 'begin b', 'begin c']);
  });

  it('ends when it is cancelled, and begins and ends once more when it is resumed', async () => {
    const { queue } = await start({ role: 'producer' });
    const handle = await queue.enqueue({ ...TEXT, to: users(30) }, { id: 'stopped', chunkSize: 10 });
    await handle.cancel();
    await start({ role: 'worker' });
    expect(await toldOf(1)).toEqual(['begin stopped', 'aborted stopped']);
    expect(eventsOf('fan_out_outcome')[0]).toMatchObject({ stop: 'aborted', counts: { notAttempted: 30 } });
    await handle.resume();
    await handle.result();
    expect(await toldOf(2)).toEqual([
      'begin stopped',
      'aborted stopped',
      'begin stopped',
      'accepted stopped',
    ]);
  });

  it('ends though the process that ended it could not emit the end', async () => {
    const { queue } = await start({ role: 'producer' });
    const handle = await queue.enqueue({ ...TEXT, to: users(10) }, { id: 'crashed' });
    await handle.cancel();
    const client = new Redis(redis.url);
    // As when the process is killed right after it ended the fan-out.
    const jobs = await client.keys(`{${prefix}}:rtc-fan-out:crashed.*`);
    await client.del(...jobs, `{${prefix}}:rtc-fan-out:wait`);
    client.disconnect();
    await start({ role: 'worker', lostAfterMs: 500 });
    expect(await toldOf(1)).toEqual(['begin crashed', 'aborted crashed']);
  });
});

it('a durable fan-out has one span, with its ID, which the spans of its calls have too', async () => {
  const { queue } = await start({ role: 'producer' });
  const handle = await queue.enqueue(
    { ...TEXT, to: ['a b', ...users(100)] },
    { id: 'traced', chunkSize: 10 },
  );
  await Promise.all([1, 2].map(() => start({ role: 'worker', concurrency: 2 })));
  await handle.result();
  await toldOf(1);
  const spans = sdk.spans().filter(({ name }) => name === 'fanOut');
  expect(spans).toHaveLength(1);
  expect(spans[0]!.attributes).toMatchObject({
    'nestjs_rtc_messaging.fan_out.id': 'traced',
    'nestjs_rtc_messaging.fan_out.status': 'partial',
    'nestjs_rtc_messaging.fan_out.requests': 10,
    'nestjs_rtc_messaging.fan_out.recipients.input': 101,
  });
  expect(spans[0]!.status.code).toBe(SpanStatusCode.ERROR);
  const [{ fanOut, durationMs }] = eventsOf('fan_out_outcome') as [
    ReturnType<typeof eventsOf<'fan_out_outcome'>>[0],
  ];
  expect(toMs(spans[0]!.startTime)).toBe(Date.parse(fanOut.startedAt));
  expect(toMs(spans[0]!.endTime)).toBe(Date.parse(fanOut.startedAt) + durationMs);
  const calls = sdk.spans().filter(({ name }) => name === 'BatchSendRoomUnicast');
  expect(calls).toHaveLength(10);
  for (const { attributes } of calls) expect(attributes['nestjs_rtc_messaging.fan_out.id']).toBe('traced');
});
