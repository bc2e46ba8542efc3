import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type BeforeApplicationShutdown,
  Controller,
  Get,
  type INestApplication,
  Inject,
  Injectable,
  type InjectionToken,
} from '@nestjs/common';
import { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { Test } from '@nestjs/testing';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  getRoomUnicastToken,
  getRtcHealthToken,
  RoomUnicastService,
  type RtcHealth,
  RtcHealthIndicator,
  RtcMessagingModule,
  type RtcMessagingOptions,
  RtcValidationError,
} from 'nestjs-rtc-messaging';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { PLATFORMS } from '../support/platforms.js';
import { CREDENTIALS, LEAKS, leaksIn, SECRET, TEXT } from '../support/printed.js';
import { rejectionOf } from '../support/rejection.js';
import { createService } from '../support/service.js';
import { startApp } from '../support/test-app.js';

const MESSAGE = { roomId: 'CANARY-room', to: ['CANARY-alice'], message: TEXT };

@Controller('health')
class HealthController {
  constructor(
    @Inject(HealthCheckService) private readonly health: HealthCheckService,
    @Inject(RtcHealthIndicator) private readonly rtc: RtcHealthIndicator,
  ) {}

  @Get()
  @HealthCheck()
  check() {
    return this.health.check([() => this.rtc.check('rtc')]);
  }

  @Get('strict')
  @HealthCheck()
  checkStrictly() {
    return this.health.check([() => this.rtc.check('rtc', { minCalls: 1, failureShare: 0.5 })]);
  }
}

/** Asks for the app's health while it shuts down and still listens, as an orchestrator does. */
@Injectable()
class LastQuestion implements BeforeApplicationShutdown {
  url = '';
  answer: { readonly status: number; readonly body: Answer } | undefined;

  async beforeApplicationShutdown(): Promise<void> {
    if (this.url !== '') this.answer = await ask(this.url);
  }
}

interface Answer {
  readonly status: string;
  readonly details: { readonly rtc: RtcHealth };
}

async function ask(url: string): Promise<{ status: number; body: Answer }> {
  const response = await fetch(url, { headers: { Connection: 'close' } });
  return { status: response.status, body: (await response.json()) as Answer };
}

let emulator: RtcEmulator;
let close: () => Promise<unknown> = async () => undefined;
beforeEach(async () => {
  emulator = await RtcEmulator.start();
});
afterEach(async () => {
  await close();
  close = async () => undefined;
  await emulator.close();
});

describe.each(PLATFORMS)('a health check with Terminus on $name', (platform) => {
  let app: INestApplication;
  const open = async (options: RtcMessagingOptions = {}): Promise<RoomUnicastService> => {
    ({ app } = await startApp(platform, {
      imports: [
        TerminusModule.forRoot({ logger: false }),
        RtcMessagingModule.forRoot({ ...emulator.moduleOptions(), ...options }),
      ],
      controllers: [HealthController],
      providers: [LastQuestion],
    }));
    close = () => app.close();
    return app.get(RoomUnicastService);
  };
  const health = async (path = ''): Promise<{ status: number; body: Answer }> =>
    ask(`${await app.getUrl()}/health${path}`);

  it('is up, with all details, and sends nothing', async () => {
    const service = await open();
    expect(await health()).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect(emulator.requests).toEqual([]);
    await service.batchSend(MESSAGE);
    const { status, body } = await health();
    expect([status, body.status]).toEqual([200, 'ok']);
    expect(body.details.rtc).toEqual({
      status: 'up',
      problems: [],
      shuttingDown: false,
      inFlight: 0,
      quota: {
        queued: 0,
        maxQueue: 5_000,
        waitMs: 0,
        queuedBulk: 0,
        permitsPerSecond: expect.any(Number),
        limit: 500,
        allowed: 500,
        costPer: 'request',
      },
      credentials: { state: 'fixed' },
      recent: { overMs: expect.any(Number), accepted: 1, failed: {}, others: 0 },
    });
    expect(emulator.requests).toHaveLength(1);
  });

  it('is down when the service refuses the access key, and up again when it takes it', async () => {
    const service = await open();
    emulator.faults.add({ kind: 'error', code: 'InvalidAccessKey' });
    await rejectionOf(service.batchSend(MESSAGE));
    const { status, body } = await health();
    expect([status, body.status]).toEqual([503, 'error']);
    expect(body.details.rtc).toMatchObject({
      status: 'down',
      problems: ['The service refuses the access key with InvalidAccessKey.'],
      recent: { failed: { credentials: 1 } },
    });
    await service.batchSend(MESSAGE);
    expect(await health()).toMatchObject({ status: 200 });
  });

  it('is down while there are no credentials, and finds out by itself when there are', async () => {
    let works = false;
    const service = await open({
      credentials: async () => {
        if (!works) throw new Error(SECRET);
        return emulator.moduleOptions().credentials;
      },
    });
    expect((await health()).body.details.rtc.credentials).toEqual({ state: 'pending' });
    await rejectionOf(service.batchSend(MESSAGE));
    const { status, body } = await health();
    expect(status).toBe(503);
    expect(body.details.rtc).toMatchObject({
      problems: ['There are no usable credentials: the provider failed with Error.'],
      credentials: { state: 'unusable' },
    });
    expect(JSON.stringify(body)).not.toMatch(LEAKS);

    works = true;
    while ((await health()).status !== 200) await sleep(20);
    expect((await health()).body.details.rtc.credentials).toMatchObject({ state: 'fresh' });
    expect(emulator.requests).toEqual([]);
  });

  it('is down by failures where the thresholds say so', async () => {
    const service = await open({ retry: { maxAttempts: 1 } });
    emulator.faults.add({ kind: 'error', code: 'AccessDenied' });
    await rejectionOf(service.batchSend(MESSAGE));
    expect(await health()).toMatchObject({ status: 200 });
    const { status, body } = await health('/strict');
    expect(status).toBe(503);
    expect(body.details.rtc.problems).toEqual(['Of the last 1 calls, 1 failed (refused 1).']);
  });

  it('is down from the moment when the app begins to close, while it still listens', async () => {
    await open();
    const question = app.get(LastQuestion);
    question.url = `${await app.getUrl()}/health`;
    expect(await ask(question.url)).toMatchObject({ status: 200 });
    await app.close();
    expect(question.answer).toMatchObject({
      status: 503,
      body: { details: { rtc: { shuttingDown: true, problems: ['The app is shutting down.'] } } },
    });
  });
});

describe('health without Terminus', () => {
  const open = async (options: RtcMessagingOptions = {}) => {
    const { module, service } = await createService({ ...emulator.moduleOptions(), ...options });
    close = () => module.close();
    return { service, indicator: module.get(RtcHealthIndicator) };
  };

  it('is down while the queue is nearly full, with its length', async () => {
    const { service, indicator } = await open({ quota: { maxQueue: 4 } });
    // Holds all up for longer than this test takes.
    emulator.faults.add({ kind: 'error', code: 'FlowLimitExceeded', retryAfter: 30 });
    await rejectionOf(service.batchSend(MESSAGE));
    const controller = new AbortController();
    const { signal } = controller;
    const send = () => service.batchSend(MESSAGE, { signal, deadlineMs: 600_000 });
    const ended = Promise.allSettled([send(), send(), send(), send()]);
    while (indicator.status().quota.queued < 4) await sleep(1);
    const { status, problems, quota, inFlight } = indicator.status();
    expect([status, inFlight]).toEqual(['down', 4]);
    expect(quota).toMatchObject({ queued: 4, maxQueue: 4, limit: 500 });
    expect(quota.waitMs).toBeGreaterThan(1_000);
    expect(problems).toEqual(["The quota's queue is nearly full: 4 of 4 calls are waiting."]);
    expect(indicator.status({ maxWaitMs: 100 }).problems).toHaveLength(2);
    controller.abort();
    await ended;
    expect(indicator.status()).toMatchObject({
      status: 'up',
      recent: { failed: { throttled: 1 }, others: 4 },
    });
  });

  it('refuses invalid thresholds', async () => {
    const { indicator } = await open();
    for (const [thresholds, path] of [
      [{ queueShare: 0 }, 'options.queueShare'],
      [{ failureShare: 1.1 }, 'options.failureShare'],
      [{ failureShare: Number.NaN }, 'options.failureShare'],
      [{ minCalls: -1 }, 'options.minCalls'],
      [{ maxWaitMs: 0 }, 'options.maxWaitMs'],
      [{ minimum: 1 }, 'options.minimum'],
    ] as const) {
      const check = () => indicator.check('rtc', thresholds as object);
      expect(check).toThrow(RtcValidationError);
      expect(check).toThrow(path);
    }
  });

  it('is separate for each module', async () => {
    const module = await Test.createTestingModule({
      imports: [
        RtcMessagingModule.forRoot(emulator.moduleOptions()),
        RtcMessagingModule.forRoot({
          ...emulator.moduleOptions(),
          credentials: { accessKeyId: 'unknown', secretAccessKey: 'unknown' },
          name: 'eu',
        }),
      ],
    }).compile();
    module.useLogger(false);
    close = () => module.close();
    const find = <T>(token: InjectionToken<T>): T => module.get<T>(token, { strict: false });
    await rejectionOf(find(getRoomUnicastToken('eu')).batchSend(MESSAGE));
    expect(find(getRtcHealthToken('eu')).status()).toMatchObject({ status: 'down' });
    expect(find(getRtcHealthToken()).status()).toMatchObject({ status: 'up', recent: { failed: {} } });
  });

  it('prints no secret', async () => {
    const { indicator } = await open({ credentials: CREDENTIALS });
    expect(await leaksIn(indicator)).toEqual([]);
    expect(await leaksIn(indicator.status())).toEqual([]);
  });
});
