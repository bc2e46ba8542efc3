import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type DynamicModule, Inject, Injectable, Module } from '@nestjs/common';
import { ConfigModule, ConfigService } from '@nestjs/config';
import { ModulesContainer, NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  getRoomUnicastToken,
  RoomUnicastService,
  RtcConfigError,
  type RtcControllerOptions,
  rtcMessagingConfig,
  RtcMessagingModule,
  type RtcMessagingOptions,
  type RtcMessagingOptionsFactory,
  type RtcNetworkError,
} from 'nestjs-rtc-messaging';
import { RtcCallbackModule } from 'nestjs-rtc-messaging/callbacks';
import { type EmulatorModuleOptions, RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { describeSettings } from '../../lib/config/resolve-settings.js';
import { emulatorEnvironment } from '../support/emulator-environment.js';
import { LogLines } from '../support/log-lines.js';
import { rejectionOf } from '../support/rejection.js';

const MESSAGE = { roomId: 'room-1', to: ['alice'], message: 'hello' };

@Injectable()
class OptionsHolder implements RtcMessagingOptionsFactory {
  static options: EmulatorModuleOptions;

  createRtcMessagingOptions(): RtcMessagingOptions {
    return OptionsHolder.options;
  }
}

@Module({ providers: [OptionsHolder], exports: [OptionsHolder] })
class OptionsModule {}

@Injectable()
class Announcer {
  constructor(@Inject(RoomUnicastService) readonly roomUnicast: RoomUnicastService) {}
}

@Module({ providers: [Announcer], exports: [Announcer] })
class AnnouncerModule {}

@Module({ imports: [RtcMessagingModule], providers: [Announcer] })
class BareModule {}

const revoked = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};

const callbacks = (extras: object): DynamicModule =>
  RtcCallbackModule.forRoot({
    appId: 'app',
    events: { path: '/events', secrets: ['secret-of-events'] },
    ...extras,
  });

describe('the module', () => {
  let emulator: RtcEmulator;
  const environment = { ...process.env };
  beforeEach(async () => {
    emulator = await RtcEmulator.start();
    OptionsHolder.options = emulator.moduleOptions();
  });
  afterEach(async () => {
    process.env = { ...environment };
    await emulator.close();
  });

  it('says once, at boot, where messages go and as whose', async () => {
    const log = new LogLines();
    const messaging = RtcMessagingModule.forRoot(emulator.moduleOptions());
    const app = await NestFactory.createApplicationContext(messaging, { logger: log });
    const host = new URL(emulator.moduleOptions().endpoint).host;
    expect(log.lines.filter((line) => line.includes('Messages go'))).toEqual([
      `LOG Messages go to ${host} (region cn-north-1, on this machine: an emulator, unless a proxy listens there) ` +
        'as app emulator-app, from server.',
    ]);
    expect(log.lines.join()).not.toContain('emulator-secret-key');
    await app.close();
  });

  it('says at boot which host a region has', () => {
    const settings = {
      appId: 'app',
      endpoint: 'https://rtc.volcengineapi.com',
      from: undefined,
      region: 'cn-north-1',
    };
    expect(describeSettings(settings)).toBe(
      'Messages go to rtc.volcengineapi.com (region cn-north-1) as app app, with no default sender.',
    );
  });

  it('says in the log what to look at when nothing listens', async () => {
    const log = new LogLines();
    const { endpoint } = emulator.moduleOptions();
    const messaging = RtcMessagingModule.forRoot({ ...emulator.moduleOptions(), retry: { maxAttempts: 1 } });
    const app = await NestFactory.createApplicationContext(messaging, { logger: log });
    await emulator.close();
    const error = await rejectionOf<RtcNetworkError>(
      app.get(RoomUnicastService, { strict: false }).batchSend(MESSAGE),
    );
    const hint = `Nothing listens at ${new URL(endpoint).host}: check endpoint (RTC_ENDPOINT); if it is to be the emulator, start that.`;
    expect(error.hint).toBe(hint);
    expect(log.lines.at(-1)).toContain(hint);
    await app.close();
  });

  it('names credentials in the log when their provider hangs, and timeoutMs when that is short', async () => {
    const log = new LogLines();
    const hanging = RtcMessagingModule.forRoot({
      ...emulator.moduleOptions(),
      credentials: () => new Promise(() => {}),
      timeoutMs: 100,
      retry: { maxAttempts: 1 },
    });
    const app = await NestFactory.createApplicationContext(hanging, { logger: log });
    const error = await rejectionOf(app.get(RoomUnicastService, { strict: false }).batchSend(MESSAGE));
    expect(error.message).toMatch(/not signed in time: check what the provider in credentials waits for/);
    expect(log.lines.at(-1)).toMatch(
      /it was not sent \(TIMEOUT, phase "queued"\)\. .*provider in credentials/,
    );
    await app.close();
  });

  const sendOnce = async (
    ...imports: NonNullable<Parameters<typeof Test.createTestingModule>[0]['imports']>
  ) => {
    const module = await Test.createTestingModule({ imports }).compile();
    const receipt = await module.get(RoomUnicastService, { strict: false }).batchSend(MESSAGE);
    await module.close();
    return receipt.outcome;
  };
  const setEnvironment = (): void => void Object.assign(process.env, emulatorEnvironment(emulator));

  it('works with nothing but environment variables', async () => {
    setEnvironment();
    expect(await sendOnce(RtcMessagingModule.forRoot())).toBe('accepted');
  });

  it("reads the .env file that the app's ConfigModule loads, whichever comes first", async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rtc-env-'));
    const envFilePath = join(folder, '.env');
    const lines = Object.entries(emulatorEnvironment(emulator)).map(([name, value]) => `${name}=${value}\n`);
    await writeFile(envFilePath, lines.join(''));
    expect(await sendOnce(RtcMessagingModule.forRoot(), ConfigModule.forRoot({ envFilePath }))).toBe(
      'accepted',
    );
    await rm(folder, { recursive: true });
  });

  it('lets an explicit option win over the environment', async () => {
    setEnvironment();
    process.env['RTC_APP_ID'] = 'another';
    expect(await sendOnce(RtcMessagingModule.forRoot({ appId: emulator.moduleOptions().appId }))).toBe(
      'accepted',
    );
  });

  it('takes its options from a factory with what that injects', async () => {
    const outcome = await sendOnce(
      RtcMessagingModule.forRootAsync({
        imports: [OptionsModule],
        inject: [OptionsHolder],
        useFactory: async (holder: OptionsHolder) => holder.createRtcMessagingOptions(),
      }),
    );
    expect(outcome).toBe('accepted');
  });

  it('takes them from a class, and from an existing provider', async () => {
    expect(await sendOnce(RtcMessagingModule.forRootAsync({ useClass: OptionsHolder }))).toBe('accepted');
    expect(
      await sendOnce(
        RtcMessagingModule.forRootAsync({ imports: [OptionsModule], useExisting: OptionsHolder }),
      ),
    ).toBe('accepted');
  });

  it('fills from the environment what a factory leaves out', async () => {
    setEnvironment();
    expect(await sendOnce(RtcMessagingModule.forRootAsync({ useFactory: () => ({ from: 'factory' }) }))).toBe(
      'accepted',
    );
    expect(JSON.parse(emulator.requests[0]!.body.toString())).toMatchObject({ From: 'factory' });
  });

  it('is available to the modules that import it, or to all with isGlobal', async () => {
    const options = emulator.moduleOptions();
    await rejectionOf(
      Test.createTestingModule({ imports: [RtcMessagingModule.forRoot(options), AnnouncerModule] }).compile(),
    );
    for (const registration of [
      RtcMessagingModule.forRoot({ ...options, isGlobal: true }),
      RtcMessagingModule.forRootAsync({ isGlobal: true, useFactory: () => options }),
    ]) {
      const module = await Test.createTestingModule({ imports: [registration, AnnouncerModule] }).compile();
      expect((await module.get(Announcer, { strict: false }).roomUnicast.batchSend(MESSAGE)).outcome).toBe(
        'accepted',
      );
      await module.close();
    }
  });

  it.each<[string, () => unknown, string]>([
    [
      'forRoot of null',
      () => RtcMessagingModule.forRoot(null as never),
      'forRoot(): must be given an object, got null',
    ],
    [
      'forRootAsync of nothing',
      () => RtcMessagingModule.forRootAsync(undefined as never),
      'forRootAsync(): must be given useFactory, useClass or useExisting',
    ],
    [
      'forRootAsync without a way',
      () => RtcMessagingModule.forRootAsync({}),
      'forRootAsync(): must be given useFactory, useClass or useExisting',
    ],
  ])('says what is wrong with %s', (_what, register, message) => {
    expect(register).toThrow(message);
  });

  it('says that forRoot() is missing where the bare class is imported, whoever injects its services', async () => {
    for (const metadata of [
      { imports: [RtcMessagingModule] },
      { imports: [RtcMessagingModule], providers: [Announcer] },
      { imports: [RtcMessagingModule.forRoot(emulator.moduleOptions()), BareModule] },
    ]) {
      const { message } = await rejectionOf<Error>(Test.createTestingModule(metadata).compile());
      expect(message).toContain(
        'RtcMessagingModule.forRoot(): was not called: a module imports RtcMessagingModule',
      );
    }
  });

  it('says what is wrong with a factory that gives nothing', async () => {
    const module = RtcMessagingModule.forRootAsync({ useFactory: () => null as never });
    await expect(Test.createTestingModule({ imports: [module] }).compile()).rejects.toThrow(
      'options: must be an object, got null',
    );
  });

  it.each<[string, object, string]>([
    ['a symbol as its name', { name: Symbol('x') }, 'name: must be 1–64 of'],
    ['a bigint as its name', { name: 1n }, 'name: must be 1–64 of'],
    ['a revoked proxy as its name', { name: revoked() }, 'name: must be 1–64 of'],
    ['a revoked proxy as its controller', { controller: revoked() }, "controller: can't be read"],
    ["isGlobal of 'false'", { isGlobal: 'false' }, 'isGlobal: must be true or false'],
    ['a Map as retry', { retry: new Map() }, 'retry: must be a plain object, got [object Map]'],
    ['a Date as quota', { quota: new Date() }, 'quota: must be a plain object, got [object Date]'],
    ['a Promise as http', { http: Promise.resolve() }, 'http: must be a plain object, got [object Promise]'],
    ['a revoked proxy as retry', { retry: revoked() }, "retry: can't be read"],
    ['a revoked proxy as credentials', { credentials: revoked() }, 'credentials'],
  ])('stops the boot with %s', async (_what, options, message) => {
    const imports = [RtcMessagingModule.forRoot({ ...emulator.moduleOptions(), ...options })];
    const error = await rejectionOf<RtcConfigError>(Test.createTestingModule({ imports }).compile());
    expect(error).toBeInstanceOf(RtcConfigError);
    expect(error.message).toContain(message);
  });

  it.each([
    [Symbol('x'), 'must be 1–64 of'],
    ['default', '"default" is what'],
    [revoked(), 'must be 1–64 of'],
  ])('checks the name of an RtcCallbackModule too (%#)', async (name, problem) => {
    const error = await rejectionOf<RtcConfigError>(
      Test.createTestingModule({ imports: [callbacks({ name })] }).compile(),
    );
    const message = `RtcCallbackModule.name: ${problem}`;
    expect(error).toBeInstanceOf(RtcConfigError);
    expect(error.message).toContain(message);
  });

  it('stops the boot with the error of a factory as it is', async () => {
    const failure = new TypeError('The vault is closed.');
    const useFactory = async (): Promise<never> => Promise.reject(failure);
    const imports = [RtcMessagingModule.forRootAsync({ useFactory })];
    expect(await rejectionOf(Test.createTestingModule({ imports }).compile())).toBe(failure);
  });

  it('can be registered several times, also where Nest distinguishes modules by their content', async () => {
    const options = { appId: 'app', from: 'server', credentials: { accessKeyId: 'k', secretAccessKey: 's' } };
    const app = await NestFactory.createApplicationContext(
      {
        module: class AppModule {},
        imports: [
          RtcMessagingModule.forRoot({ ...options, name: 'a' }),
          RtcMessagingModule.forRootAsync({ useFactory: () => options }),
          RtcMessagingModule.forRootAsync({ useFactory: () => options }),
        ],
      },
      { logger: false, moduleIdGeneratorAlgorithm: 'deep-hash' },
    );
    const modules = [...app.get(ModulesContainer).values()];
    await app.close();
    expect(modules.filter(({ providers }) => providers.has(RoomUnicastService))).toHaveLength(2);
    expect(modules.filter(({ providers }) => providers.has(getRoomUnicastToken('a')))).toHaveLength(1);
  });

  it('shows what the environment sets in its config namespace, without the access key', async () => {
    setEnvironment();
    const module = await Test.createTestingModule({
      imports: [
        ConfigModule.forRoot({ ignoreEnvFile: true, load: [rtcMessagingConfig] }),
        RtcMessagingModule.forRoot(),
      ],
    }).compile();
    const namespace = module.get(ConfigService).get<object>('rtcMessaging');
    await module.close();
    expect(namespace).toMatchObject({ appId: 'emulator-app', from: 'server' });
    expect(Reflect.ownKeys(namespace ?? {}).filter((name) => /credentials/.test(String(name)))).toEqual([]);
  });

  it.each<[string, () => object]>([
    ['forRoot', () => RtcMessagingModule.forRoot({ timeoutMs: -1, controller: { guards: [] } })],
    [
      'forRootAsync',
      () =>
        RtcMessagingModule.forRootAsync({
          useFactory: () => ({ timeoutMs: -1 }),
          controller: { guards: [] },
        }),
    ],
  ])('stops the boot with one error that lists everything wrong: %s', async (_name, register) => {
    const error = await rejectionOf<RtcConfigError>(
      Test.createTestingModule({ imports: [register() as never] }).compile(),
    );
    expect(error).toBeInstanceOf(RtcConfigError);
    expect(error.problems.map(({ option }) => option)).toEqual([
      'appId',
      'from',
      'timeoutMs',
      'credentials.accessKeyId',
      'credentials.secretAccessKey',
      'controller.guards',
    ]);
  });

  it.each<[unknown, string]>([
    [{}, 'controller.guards: is empty'],
    [{ guards: [undefined] }, 'controller.guards: must be an array of guards'],
    [{ guards: [class {}] }, 'controller.guards: must be an array of guards'],
    [{ guards: 'AuthGuard' }, 'controller.guards: must be an array of guards'],
    [{ allowAnonymous: 'yes' }, 'controller.allowAnonymous: must be true or false'],
    [{ allowAnonymous: true, path: '' }, 'controller.path: must be a path'],
    [{ allowAnonymous: true, allowFrom: 1 }, 'controller.allowFrom: must be true or false'],
    [{ allowAnonymous: true, guard: [] }, 'controller.guard: is not an option'],
    [true, 'controller: must be an object'],
  ])('refuses the controller options %j', async (controller, words) => {
    const registration = RtcMessagingModule.forRoot({
      ...emulator.moduleOptions(),
      controller: controller as RtcControllerOptions,
    });
    const error = await rejectionOf<RtcConfigError>(
      Test.createTestingModule({ imports: [registration] }).compile(),
    );
    expect(error).toBeInstanceOf(RtcConfigError);
    expect(error.message).toContain(words);
  });
});
