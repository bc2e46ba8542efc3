import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { TestingModule } from '@nestjs/testing';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type RoomUnicastService,
  type RtcAbortedError,
  RtcMessagingModule,
  type RtcMessagingOptions,
  RtcQuotaError,
  type RtcTimeoutError,
} from 'nestjs-rtc-messaging';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { listenToEvents } from '../support/events.js';
import { PLATFORMS } from '../support/platforms.js';
import { rejectionOf } from '../support/rejection.js';
import { mostInASecond } from '../support/simulated-service.js';
import { createService } from '../support/service.js';
import { startApp } from '../support/test-app.js';

const MESSAGE = { roomId: 'room-1', to: ['alice'], message: 'hello' };

let emulator: RtcEmulator;
let modules: TestingModule[] = [];
beforeEach(async () => {
  emulator = await RtcEmulator.start({ quota: { requestsPerSecond: 50 } });
});
afterEach(async () => {
  for (const module of modules) await module.close();
  modules = [];
  await emulator.close();
});
async function serviceWith(options: RtcMessagingOptions = {}): Promise<RoomUnicastService> {
  const { module, service } = await createService({
    ...emulator.moduleOptions(),
    quota: { requestsPerSecond: 50 },
    ...options,
  });
  modules.push(module);
  return service;
}
const refused = (): number => emulator.requests.filter(({ outcome }) => outcome === 'refused').length;

describe('the quota', () => {
  it('is spent and not exceeded, however much is sent at once', async () => {
    const service = await serviceWith();
    const started = performance.now();
    await Promise.all(Array.from({ length: 120 }, () => service.batchSend(MESSAGE)));
    const seconds = (performance.now() - started) / 1_000;
    expect(refused()).toBe(0);
    // 2.4 s is what the quota allows, less what may leave at once.
    expect(seconds).toBeGreaterThan(2.2);
  });

  it('is shared by all modules of the process with the same access key', async () => {
    const services = [await serviceWith(), await serviceWith(), await serviceWith()];
    const started = performance.now();
    await Promise.all(
      services.flatMap((service) => Array.from({ length: 30 }, () => service.batchSend(MESSAGE))),
    );
    expect(performance.now() - started).toBeGreaterThan(1_600);
    expect(refused()).toBe(0);
  });

  it('is shared by modules with different reserves, of which the smallest share holds', async () => {
    const services = [
      await serviceWith(),
      await serviceWith({ quota: { requestsPerSecond: 50, reserve: 25 } }),
    ];
    const started = performance.now();
    await Promise.all(
      services.flatMap((service) => Array.from({ length: 20 }, () => service.batchSend(MESSAGE))),
    );
    expect(performance.now() - started).toBeGreaterThan(1_400);
  });

  it('holds for each app where its scope is the app', async () => {
    await emulator.close();
    const appIds = ['app-1', 'app-2'];
    const credentials = { accessKeyId: 'key-2', secretAccessKey: 'secret-2' };
    emulator = await RtcEmulator.start({
      quota: { requestsPerSecond: 1_000 },
      accounts: [{ credentials, appIds }],
    });
    const { events, stop } = listenToEvents();
    const quota = { requestsPerSecond: 2, scope: 'app' } as const;
    const services = await Promise.all(appIds.map((appId) => serviceWith({ appId, credentials, quota })));
    // Each has permits of its own, where those of one access key would have to wait for the second.
    await Promise.all(services.map((service) => service.batchSend(MESSAGE)));
    expect(events.filter(({ type }) => type === 'wait')).toEqual([]);
    // At once, since a permit may be free again after what a busy machine does first.
    await Promise.all(
      services.flatMap((service) => Array.from({ length: 3 }, () => service.batchSend(MESSAGE))),
    );
    expect(events.filter(({ type }) => type === 'wait').length).toBeGreaterThanOrEqual(2);
    stop();
  });

  it('leaves its reserve to other programs', async () => {
    const service = await serviceWith({ quota: { requestsPerSecond: 50, reserve: 40 } });
    const started = performance.now();
    await Promise.all(Array.from({ length: 15 }, () => service.batchSend(MESSAGE)));
    expect(performance.now() - started).toBeGreaterThan(1_200);
  });

  it('that is full refuses at once, and says when to come again', async () => {
    const service = await serviceWith({ quota: { requestsPerSecond: 5, maxQueue: 5 } });
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => service.batchSend(MESSAGE)));
    const errors = results.flatMap((result) =>
      result.status === 'rejected' ? [result.reason as RtcQuotaError] : [],
    );

    expect(errors).toHaveLength(20 - 5 - 1);
    expect(errors[0]).toBeInstanceOf(RtcQuotaError);
    expect(errors[0]).toMatchObject({ code: 'RTC_QUOTA', outcome: 'not_attempted', attempts: [] });
    expect(errors[0]!.retryAfterMs).toBeGreaterThan(50);
  });

  it('whose queue is longer than the call has time refuses at once', async () => {
    const service = await serviceWith();
    const sending = Promise.all(Array.from({ length: 40 }, () => service.batchSend(MESSAGE)));
    const error = await rejectionOf<RtcQuotaError>(service.batchSend(MESSAGE, { deadlineMs: 200 }));
    expect(error).toBeInstanceOf(RtcQuotaError);
    expect(error.message).toMatch(/queue is too long: \d+ calls are waiting, for about \d+ ms/);
    await sending;
  });

  it('that is full does not hide the outcome of an earlier attempt', async () => {
    emulator.faults.add({ kind: 'late', delayMs: 10_000, match: { roomId: 'special' } });
    emulator.faults.add({ kind: 'error', code: 'FlowLimitExceeded', retryAfter: 20 });
    const service = await serviceWith({ onUnknown: 'resend', quota: { requestsPerSecond: 50, maxQueue: 1 } });
    const others = new AbortController();
    const send = () => rejectionOf(service.batchSend(MESSAGE, { deadlineMs: 60_000, signal: others.signal }));
    const { events, stop } = listenToEvents();
    const special = rejectionOf<RtcTimeoutError>(
      service.batchSend({ ...MESSAGE, roomId: 'special' }, { timeoutMs: 1_000, deadlineMs: 60_000 }),
    );
    // Before the message is sent again, the service asks to wait, and someone else takes the only place.
    const held = send();
    while (!events.some((event) => event.type === 'wait' && event.reason === 'retry_after')) await sleep(1);
    const waiting = send();
    const error = await special;
    others.abort();
    await Promise.all([held, waiting]);
    stop();
    expect(error).toMatchObject({ code: 'RTC_TIMEOUT', outcome: 'unknown' });
    expect(error.attempts).toHaveLength(1);
    expect(emulator.accepted.count('alice', 'hello')).toBe(1);
  });

  it('can be waited for as long as the deadline and the signal allow, without a byte sent', async () => {
    emulator.faults.add({ kind: 'error', code: 'FlowLimitExceeded', retryAfter: 20 });
    // Permits are far apart, so that the service's answer comes before the next, however busy the machine is.
    const service = await serviceWith({ deadlineMs: 60_000, quota: { requestsPerSecond: 4 } });
    const first = new AbortController();
    const held = rejectionOf(service.batchSend(MESSAGE, { signal: first.signal }));
    // These take their places before the service asks to wait.
    const timedOut = rejectionOf<RtcTimeoutError>(service.batchSend(MESSAGE, { deadlineMs: 900 }));
    const controller = new AbortController();
    const aborted = rejectionOf<RtcAbortedError>(service.batchSend(MESSAGE, { signal: controller.signal }));
    expect(await timedOut).toMatchObject({ code: 'RTC_TIMEOUT', outcome: 'not_attempted', attempts: [] });
    expect((await timedOut).message).toBe(
      'BatchSendRoomUnicast exceeded deadlineMs of 900 ms while waiting for the quota; nothing was sent.',
    );
    controller.abort();
    expect(await aborted).toMatchObject({ code: 'RTC_ABORTED', outcome: 'not_attempted', attempts: [] });
    // And who comes now is told at once how long it would be.
    const late = await rejectionOf<RtcQuotaError>(service.batchSend(MESSAGE, { deadlineMs: 100 }));
    expect(late.code).toBe('RTC_QUOTA');
    expect(late.retryAfterMs).toBeGreaterThan(15_000);
    first.abort();
    await held;
    expect(emulator.requests).toHaveLength(1);
  });

  it('emits an event when it is waited for', async () => {
    const service = await serviceWith({ quota: { requestsPerSecond: 10 } });
    const { events, stop } = listenToEvents();
    await Promise.all([service.batchSend(MESSAGE), service.batchSend(MESSAGE)]);
    stop();
    const waits = events.filter(({ type }) => type === 'wait');
    expect(waits).toMatchObject([{ reason: 'quota', call: { id: 2 } }]);
  });

  it('lets a batch above the limit take all of a second, where recipients count', async () => {
    const service = await serviceWith({ quota: { requestsPerSecond: 20, costPer: 'recipient' } });
    const to = Array.from({ length: 30 }, (_none, index) => `user-${index}`);
    await service.batchSend({ ...MESSAGE, to });
    const started = performance.now();
    await service.batchSend(MESSAGE);
    expect(performance.now() - started).toBeGreaterThan(900);
  });

  it('holds while the service becomes slow and fast again, with more callers than sockets', async () => {
    const service = await serviceWith({ http: { maxSockets: 8 } });
    const stopping = new AbortController();
    const callers = Array.from({ length: 100 }, async () => {
      while (!stopping.signal.aborted) await service.batchSend(MESSAGE, { deadlineMs: 60_000 });
    });
    await sleep(1_500);
    emulator.faults.add({ kind: 'late', delayMs: 600, probability: 1 });
    await sleep(2_500);
    emulator.faults.clear();
    await sleep(2_500);
    stopping.abort();
    await Promise.all(callers);
    expect(refused()).toBe(0);
    expect(
      mostInASecond(emulator.requests.map(({ at }) => ({ at: at.getTime(), cost: 1 }))),
    ).toBeLessThanOrEqual(51);
  });

  it('holds while credentials take longer than the queue', async () => {
    let asked = 0;
    const { credentials } = emulator.moduleOptions();
    const service = await serviceWith({
      credentials: async () => {
        asked += 1;
        if (asked > 1) await sleep(1_500);
        return { ...credentials, expiration: Date.now() + (asked === 1 ? 800 : 3_600_000) };
      },
    });
    await Promise.all(Array.from({ length: 150 }, () => service.batchSend(MESSAGE, { deadlineMs: 60_000 })));
    expect(asked).toBeGreaterThan(1);
    expect(refused()).toBe(0);
  });

  it('lets a single send through a fan-out that is running', async () => {
    const service = await serviceWith();
    const controller = new AbortController();
    const to = (function* () {
      for (let user = 0; ; user++) yield `user-${user}`;
    })();
    const running = service.fanOut(
      { roomId: 'room-1', to, message: 'all' },
      { chunkSize: 1, signal: controller.signal },
    );
    while (emulator.requests.length < 5) await sleep(5);
    const before = emulator.requests.length;
    await service.batchSend({ ...MESSAGE, roomId: 'room-2' });
    // 48 of the fan-out's are waiting; the two take turns, and a few were on their way already.
    expect(emulator.requests.length - before).toBeLessThan(12);
    controller.abort();
    await running;
    expect(refused()).toBe(0);
  });
});

describe.each(PLATFORMS)('a full quota over HTTP on $name', (platform) => {
  it('answers 429 with Retry-After', async () => {
    const { app, post } = await startApp(platform, {
      imports: [
        RtcMessagingModule.forRoot({
          ...emulator.moduleOptions(),
          quota: { requestsPerSecond: 1, maxQueue: 0 },
          controller: { allowAnonymous: true },
        }),
      ],
    });
    const body = { to: ['alice'], message: 'hello' };
    expect((await post('/rtc/rooms/room-1/unicast', body)).status).toBe(200);
    const answer = await post('/rtc/rooms/room-1/unicast', body);
    expect(answer.status).toBe(429);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(answer.body).toMatchObject({ code: 'RTC_QUOTA', outcome: 'not_attempted' });
    await app.close();
  });
});
