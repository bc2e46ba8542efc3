import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type BeforeApplicationShutdown,
  Controller,
  type DynamicModule,
  Get,
  Global,
  Inject,
  Module,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { ModuleRef, NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type FanOutReport,
  getRoomUnicastToken,
  RoomUnicastService,
  type RtcAbortedError,
  RtcMessagingModule,
} from 'nestjs-rtc-messaging';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { PLATFORMS } from '../support/platforms.js';
import { rejectionOf } from '../support/rejection.js';
import { startApp, type TestApp } from '../support/test-app.js';

const MESSAGE = { roomId: 'room-1', to: ['alice'], message: 'hello' };
const LIMIT_MS = 400;
/** What closing may take beyond its limit, on a busy machine: far less than what hangs here. */
const SLACK_MS = 60_000;
const HANGS_MS = 600_000;

/** Sends for whoever asks over HTTP, and keeps what came of it. */
@Controller()
class SendingController {
  ends: unknown[] = [];

  constructor(@Inject(RoomUnicastService) private readonly roomUnicast: RoomUnicastService) {}

  @Get('one')
  one(): Promise<void> {
    return this.#keep(this.roomUnicast.batchSend(MESSAGE));
  }

  @Get('many')
  many(): Promise<void> {
    return this.#keep(this.roomUnicast.fanOut({ ...MESSAGE, to: endlessUsers() }));
  }

  async #keep(sending: Promise<unknown>): Promise<void> {
    this.ends.push(await sending.catch((error: unknown) => error));
  }
}

function* endlessUsers(): Generator<string> {
  for (let number = 0; ; number++) yield `user-${number}`;
}

const took = async (work: Promise<unknown>): Promise<number> => {
  const started = performance.now();
  await work;
  return performance.now() - started;
};

let emulator: RtcEmulator;
let toClose: { close(): Promise<unknown> }[] = [];
beforeEach(async () => {
  emulator = await RtcEmulator.start();
});
afterEach(async () => {
  for (const app of toClose.splice(0)) await app.close().catch(() => undefined);
  await emulator.close();
});

const register = (options: object = {}): DynamicModule =>
  RtcMessagingModule.forRoot({
    ...emulator.moduleOptions(),
    timeoutMs: HANGS_MS,
    shutdownTimeoutMs: LIMIT_MS,
    ...options,
  });
const requests = async (count: number): Promise<void> => {
  while (emulator.requests.length < count) await sleep(5);
};
const hang = (): void => void emulator.faults.add({ kind: 'late', delayMs: HANGS_MS, times: 1_000 });

describe.each(PLATFORMS)('closing an app on $name', (platform) => {
  const start = async (options = {}): Promise<TestApp & { ends: unknown[] }> => {
    const imports = [register(options)];
    const running = await startApp(platform, { imports, controllers: [SendingController] });
    toClose.push(running.app);
    return { ...running, ends: running.app.get(SendingController).ends };
  };

  it('takes no longer than the limit while a handler waits for a call that hangs', async () => {
    hang();
    const { app, ends } = await start();
    const asking = fetch(`${await app.getUrl()}/one`);
    await requests(1);
    const ms = await took(app.close());
    expect(ms).toBeGreaterThan(LIMIT_MS - 50);
    expect(ms).toBeLessThan(LIMIT_MS + SLACK_MS);
    expect((await asking).status).toBe(200);
    expect(ends).toMatchObject([{ code: 'RTC_ABORTED', outcome: 'unknown', attempts: [{ phase: 'sent' }] }]);
  });

  it('ends a fan-out that a handler waits for, and counts what it sent', async () => {
    // Dozens of requests are in flight, which a busy machine may not end within the shorter limit.
    const { app, ends } = await start({ shutdownTimeoutMs: SLACK_MS });
    const asking = fetch(`${await app.getUrl()}/many`);
    await requests(3);
    expect(await took(app.close())).toBeLessThan(LIMIT_MS + SLACK_MS);
    await asking;
    const [report] = ends as [FanOutReport];
    expect(report).toMatchObject({ status: 'aborted', stop: { reason: 'shutdown' } });
    const accepted = emulator.requests.filter(({ outcome }) => outcome === 'accepted').length;
    expect(report.counts).toMatchObject({ accepted: accepted * 600, rejected: 0, unknown: 0 });
  });

  it('reports exactly the outcomes of a fan-out that it ends', async () => {
    hang();
    const { app, ends } = await start();
    const asking = fetch(`${await app.getUrl()}/many`);
    // So many may be unanswered before the first acceptance.
    await requests(8);
    const ms = await took(app.close());
    expect(ms).toBeLessThan(LIMIT_MS + SLACK_MS);
    await asking;
    const [report] = ends as [FanOutReport];
    expect(report).toMatchObject({ status: 'aborted', stop: { reason: 'shutdown' } });
    const { input, accepted, rejected, unknown, notAttempted } = report.counts;
    expect([accepted, rejected, unknown]).toEqual([0, 0, emulator.requests.length * 600]);
    expect(unknown + notAttempted).toBe(input);
  });

  it('refuses what a handler sends once it has closed', async () => {
    const { app, ends } = await start();
    await app.get(SendingController).one();
    const url = await app.getUrl();
    await app.close();
    await expect(fetch(`${url}/one`)).rejects.toThrow();
    await app.get(SendingController).one();
    expect(ends).toMatchObject([{ outcome: 'accepted' }, { code: 'RTC_ABORTED', outcome: 'not_attempted' }]);
  });
});

describe('closing an app', () => {
  const boot = async (...imports: NonNullable<Parameters<typeof Test.createTestingModule>[0]['imports']>) => {
    const module = await Test.createTestingModule({ imports }).compile();
    module.useLogger(false);
    await module.init();
    toClose.push(module);
    return module;
  };

  /** Says goodbye in each hook of a module; what is global closes after all others, else after what it imports. */
  const goodbyes = (isGlobal: boolean, imports: DynamicModule[]) => {
    const ends: Record<string, unknown> = {};
    class Goodbyes implements OnModuleDestroy, BeforeApplicationShutdown, OnApplicationShutdown {
      constructor(@Inject(ModuleRef) private readonly moduleRef: ModuleRef) {}
      onModuleDestroy = () => this.#say('onModuleDestroy');
      beforeApplicationShutdown = () => this.#say('beforeApplicationShutdown');
      onApplicationShutdown = () => this.#say('onApplicationShutdown');
      async #say(hook: string): Promise<void> {
        const service = this.moduleRef.get(RoomUnicastService, { strict: false });
        const to = ['alice', 'bob'];
        ends[hook] = [
          await service.batchSend({ ...MESSAGE, message: hook }).then(
            ({ outcome }) => outcome,
            (error: RtcAbortedError) => error.outcome,
          ),
          (await service.fanOut({ ...MESSAGE, to, message: hook })).counts.accepted,
        ];
      }
    }
    class GoodbyeModule {}
    Module({ imports, providers: [Goodbyes] })(GoodbyeModule);
    if (isGlobal) Global()(GoodbyeModule);
    return { GoodbyeModule, ends };
  };

  it('lets modules that import it send in the hooks before the server closes', async () => {
    const { GoodbyeModule, ends } = goodbyes(false, [register()]);
    const module = await boot(GoodbyeModule);
    await module.close();
    expect(ends).toEqual({
      onModuleDestroy: ['accepted', 2],
      beforeApplicationShutdown: ['accepted', 2],
      // Before this library's own, but after the server has closed.
      onApplicationShutdown: ['not_attempted', 0],
    });
  });

  it('lets a module whose hooks come later send in the first of them', async () => {
    const { GoodbyeModule, ends } = goodbyes(true, []);
    const module = await boot(register(), GoodbyeModule);
    await module.close();
    expect(ends).toEqual({
      onModuleDestroy: ['accepted', 2],
      beforeApplicationShutdown: ['not_attempted', 0],
      onApplicationShutdown: ['not_attempted', 0],
    });
  });

  it('aborts calls that begin while it closes at the limit since it began, and refuses new ones after that', async () => {
    const ends: RtcAbortedError[] = [];
    class Late implements OnModuleDestroy {
      constructor(@Inject(ModuleRef) private readonly moduleRef: ModuleRef) {}
      async onModuleDestroy(): Promise<void> {
        const service = this.moduleRef.get(RoomUnicastService, { strict: false });
        await sleep(200);
        for (let call = 0; call < 2; call++) ends.push(await rejectionOf(service.batchSend(MESSAGE)));
      }
    }
    class LateModule {}
    Module({ providers: [Late] })(LateModule);
    Global()(LateModule);
    hang();
    // Time enough for the first of them to leave.
    const module = await boot(register({ shutdownTimeoutMs: 2_000 }), LateModule);
    const ms = await took(module.close());
    expect(ms).toBeLessThan(LIMIT_MS + SLACK_MS);
    const [broken, refused] = ends;
    expect(broken).toMatchObject({ code: 'RTC_ABORTED', outcome: 'unknown' });
    expect(refused).toMatchObject({ code: 'RTC_ABORTED', outcome: 'not_attempted', attempts: [] });
  });

  it('gives each of several modules its limit at the same time', async () => {
    hang();
    const names = ['one', 'two', 'three'];
    const module = await boot(...names.map((name) => register({ name })));
    const ends = names.map((name) =>
      rejectionOf(
        module.get<RoomUnicastService>(getRoomUnicastToken(name), { strict: false }).batchSend(MESSAGE),
      ),
    );
    await requests(3);
    expect(await took(module.close())).toBeLessThan(LIMIT_MS + SLACK_MS);
    for (const error of await Promise.all(ends)) expect(error).toMatchObject({ outcome: 'unknown' });
  });

  it('can be asked for twice at the same time, and again', async () => {
    hang();
    const module = await boot(register());
    const end = rejectionOf(module.get(RoomUnicastService).batchSend(MESSAGE));
    await requests(1);
    expect(await took(Promise.all([module.close(), module.close()]))).toBeLessThan(LIMIT_MS + SLACK_MS);
    expect(await end).toMatchObject({ outcome: 'unknown' });
    expect(await took(module.close())).toBeLessThan(SLACK_MS);
  });

  it('without a server takes no longer either', async () => {
    hang();
    class AppModule {}
    Module({ imports: [register()] })(AppModule);
    const context = await NestFactory.createApplicationContext(AppModule, { logger: false });
    const one = rejectionOf(context.get(RoomUnicastService).batchSend(MESSAGE));
    const many = context.get(RoomUnicastService).fanOut({ ...MESSAGE, to: endlessUsers() });
    await requests(5);
    expect(await took(context.close())).toBeLessThan(LIMIT_MS + SLACK_MS);
    expect(await one).toMatchObject({ outcome: 'unknown' });
    expect(await many).toMatchObject({ status: 'aborted', stop: { reason: 'shutdown' } });
  });

  it('releases everything of an app that did not boot', async () => {
    class Broken implements OnModuleInit {
      onModuleInit(): void {
        throw new Error('of the app');
      }
    }
    const module = await Test.createTestingModule({ imports: [register()], providers: [Broken] }).compile();
    module.useLogger(false);
    expect((await rejectionOf<Error>(module.init())).message).toBe('of the app');
    const service = module.get(RoomUnicastService);
    await service.batchSend(MESSAGE);
    await module.close();
    expect(await rejectionOf(service.batchSend(MESSAGE))).toMatchObject({ outcome: 'not_attempted' });
  });

  it('is not kept waiting by a client that keeps its connection', async () => {
    const [express] = PLATFORMS;
    const running = await startApp(express!, { imports: [register()], controllers: [SendingController] });
    toClose.push(running.app);
    const url = await running.app.getUrl();
    await (await fetch(`${url}/one`)).text();
    hang();
    const asking = fetch(`${url}/one`).then((response) => response.text());
    await requests(2);
    expect(await took(running.app.close())).toBeLessThan(LIMIT_MS + SLACK_MS);
    await asking;
  });
});
