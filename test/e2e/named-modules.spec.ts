import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ConsoleLogger, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { Agent } from 'node:http';
import {
  getRoomBroadcastToken,
  getRoomUnicastToken,
  getUserUnicastToken,
  InjectRoomBroadcast,
  InjectRoomUnicast,
  InjectUserUnicast,
  RoomBroadcastService,
  RoomUnicastService,
  type RtcActionName,
  type RtcConfigError,
  RtcMessagingModule,
  UserUnicastService,
} from 'nestjs-rtc-messaging';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { emulatorEnvironment } from '../support/emulator-environment.js';
import { listenToEvents } from '../support/events.js';
import { PLATFORMS } from '../support/platforms.js';
import { rejectionOf } from '../support/rejection.js';
import { startApp, type TestApp } from '../support/test-app.js';

const EU = { credentials: { accessKeyId: 'eu-key', secretAccessKey: 'eu-secret' }, appIds: ['eu-app'] };
const MESSAGE = { roomId: 'room-1', to: ['alice'], message: 'hello' };

@Injectable()
class BothAccounts {
  constructor(
    readonly asia: RoomUnicastService,
    @InjectRoomUnicast('eu') readonly eu: RoomUnicastService,
    @InjectRoomBroadcast('eu') readonly euBroadcast: RoomBroadcastService,
    @InjectUserUnicast('eu') readonly euUsers: UserUnicastService,
    @InjectRoomUnicast() readonly alsoAsia: RoomUnicastService,
  ) {}
}

@Module({ providers: [BothAccounts] })
class BusinessModule {}

let emulator: RtcEmulator;
let running: TestApp | undefined;
beforeEach(async () => {
  emulator = await RtcEmulator.start({ accounts: [EU] });
});
afterEach(async () => {
  await running?.app.close();
  running = undefined;
  await emulator.close();
});

const euOptions = () => ({
  ...emulator.moduleOptions(),
  appId: 'eu-app',
  from: 'eu-server',
  credentials: EU.credentials,
});

const keyOf = (index: number): string =>
  /Credential=([^/]+)/.exec(emulator.requests[index]!.headers['authorization']!)![1]!;

describe.each(PLATFORMS)('two accounts in one app on $name', (platform) => {
  it.each(['forRoot', 'forRootAsync'] as const)(
    'with %s each sign with their own key, on a path of their own',
    async (method) => {
      const controller = { allowAnonymous: true, path: 'eu/rtc' } as const;
      running = await startApp(platform, {
        imports: [
          RtcMessagingModule.forRoot({
            ...emulator.moduleOptions(),
            isGlobal: true,
            controller: { allowAnonymous: true },
          }),
          method === 'forRoot'
            ? RtcMessagingModule.forRoot({ ...euOptions(), name: 'eu', isGlobal: true, controller })
            : RtcMessagingModule.forRootAsync({
                useFactory: async () => euOptions(),
                name: 'eu',
                isGlobal: true,
                controller,
              }),
          BusinessModule,
        ],
      });
      const { asia, alsoAsia, eu, euBroadcast, euUsers } = running.app.get(BothAccounts);
      await asia.batchSend(MESSAGE);
      await eu.batchSend(MESSAGE);
      await euBroadcast.send({ roomId: 'room-1', message: 'hello' });
      await euUsers.send({ to: 'alice', message: 'hello' });
      await running.post('/rtc/rooms/room-1/unicast', { to: ['alice'], message: 'hello' });
      await running.post('/eu/rtc/rooms/room-1/unicast', { to: ['alice'], message: 'hello' });

      expect(alsoAsia).toBe(asia);
      const bodies = emulator.requests.map(({ body }) => JSON.parse(body.toString()) as { AppId: string });
      expect(bodies.map(({ AppId }, index) => [keyOf(index), AppId])).toEqual([
        ['emulator-access-key', 'emulator-app'],
        ['eu-key', 'eu-app'],
        ['eu-key', 'eu-app'],
        ['eu-key', 'eu-app'],
        ['emulator-access-key', 'emulator-app'],
        ['eu-key', 'eu-app'],
      ]);
      expect(emulator.requests.map(({ outcome }) => outcome)).toEqual(Array(6).fill('accepted'));
    },
  );
});

describe('modules without a name', () => {
  const boot = (first: object, second: object, options: object = {}) => {
    class AppModule {}
    Module({
      imports: [
        RtcMessagingModule.forRoot({ ...emulator.moduleOptions(), ...first }),
        RtcMessagingModule.forRootAsync({
          useFactory: async () => ({ ...emulator.moduleOptions(), ...second }),
        }),
      ],
    })(AppModule);
    return NestFactory.createApplicationContext(AppModule, {
      logger: false,
      abortOnError: false,
      ...options,
    });
  };
  const credentials = { accessKeyId: 'emulator-access-key', secretAccessKey: 'emulator-secret-key' };

  it.each<[string, object, object]>([
    ['appId', {}, { appId: 'eu-app' }],
    ['from', { from: undefined }, { from: 'eu-server' }],
    ['endpoint', {}, { endpoint: 'http://127.0.0.1:1' }],
    ['timeoutMs, quota.reserve', {}, { timeoutMs: 1_000, quota: { reserve: 3 } }],
    ['credentials.accessKeyId, credentials.secretAccessKey', {}, { credentials: EU.credentials }],
    ['credentials.secretAccessKey', {}, { credentials: { ...credentials, secretAccessKey: 'SECRET-2' } }],
    ['credentials', {}, { credentials: () => credentials }],
    ['http.httpAgent', { http: { httpAgent: new Agent() } }, { http: { httpAgent: new Agent() } }],
  ])('do not boot if they differ in %s', async (options, first, second) => {
    const { problems, message } = await rejectionOf<RtcConfigError>(boot(first, second));
    expect(problems).toEqual([
      {
        option: 'name',
        message: expect.stringContaining(`its settings differ (${options}). Give all but one`),
      },
    ]);
    expect(message).not.toMatch(/SECRET-2|emulator-secret-key|eu-secret/);
  });

  it('do not boot either where Nest distinguishes modules by their content', async () => {
    class AppModule {}
    const second = { ...credentials, secretAccessKey: 'another' };
    Module({
      imports: [
        RtcMessagingModule.forRoot(emulator.moduleOptions()),
        RtcMessagingModule.forRoot({ ...emulator.moduleOptions(), credentials: second }),
      ],
    })(AppModule);
    const booting = NestFactory.createApplicationContext(AppModule, {
      logger: false,
      abortOnError: false,
      moduleIdGeneratorAlgorithm: 'deep-hash',
    });
    expect((await rejectionOf<Error>(booting)).message).toContain('credentials.secretAccessKey');
  });

  it('boot if their settings are the same, and in another app with others', async () => {
    const agent = { http: { httpAgent: new Agent() } };
    const provider = { credentials: () => credentials };
    const other = { credentials: { resolveCredentials: () => Promise.resolve(credentials) } };
    for (const options of [{}, { appId: 'eu-app' }, agent, provider, other]) {
      const app = await boot(options, options);
      await app
        .get(RoomUnicastService, { strict: false })
        .batchSend(MESSAGE)
        .catch(() => undefined);
      await app.close();
    }
  });
});

describe('a named module', () => {
  it('does not boot with the app or the credentials of the environment where its own are undefined', async () => {
    const environment = { ...process.env };
    Object.assign(process.env, emulatorEnvironment(emulator));
    const booting = (options: object) =>
      rejectionOf<RtcConfigError>(
        Test.createTestingModule({
          imports: [RtcMessagingModule.forRootAsync({ name: 'eu', useFactory: () => options })],
        }).compile(),
      );
    const { message } = await booting({ appId: undefined, credentials: undefined });
    expect(message).toContain('RtcMessagingModule "eu" is not configured correctly');
    expect(message).toMatch(/ - appId: is undefined.*\n.* - credentials: is undefined/);
    process.env = environment;
  });

  it('does not boot with the environment where its factory gives nothing', async () => {
    const environment = { ...process.env };
    Object.assign(process.env, emulatorEnvironment(emulator));
    const useFactory = (() => undefined) as never;
    const booting = Test.createTestingModule({
      imports: [RtcMessagingModule.forRootAsync({ name: 'eu', useFactory })],
    }).compile();
    expect((await rejectionOf<RtcConfigError>(booting)).message).toContain('options: must be an object');
    process.env = environment;
  });

  it('has the options that a class gives, not those of the environment', async () => {
    const environment = { ...process.env };
    Object.assign(process.env, emulatorEnvironment(emulator));
    class EuOptions {
      get appId(): string {
        return 'eu-app';
      }
      get credentials() {
        return EU.credentials;
      }
    }
    const module = await Test.createTestingModule({
      imports: [RtcMessagingModule.forRootAsync({ name: 'eu', useFactory: () => new EuOptions() })],
    }).compile();
    await module.get<RoomUnicastService>(getRoomUnicastToken('eu'), { strict: false }).batchSend(MESSAGE);
    expect(emulator.requests[0]?.headers['authorization']).toContain('Credential=eu-key/');
    expect(emulator.requests[0]?.body.toString()).toContain('"AppId":"eu-app"');
    await module.close();
    process.env = environment;
  });

  it('has a quota of its own where its access key is its own', async () => {
    const quota = { requestsPerSecond: 50 };
    const module = await Test.createTestingModule({
      imports: [
        RtcMessagingModule.forRoot({ ...emulator.moduleOptions(), quota }),
        RtcMessagingModule.forRoot({ ...euOptions(), quota, name: 'eu' }),
      ],
    }).compile();
    const asia = module.get(RoomUnicastService);
    const eu = module.get<RoomUnicastService>(getRoomUnicastToken('eu'), { strict: false });
    // A queue of the one account's is nothing to the other's.
    const sending = Array.from({ length: 50 }, () => asia.batchSend(MESSAGE));
    await eu.batchSend({ ...MESSAGE, message: 'from the other account' });
    expect(emulator.requests.length).toBeLessThan(50);
    await Promise.all(sending);
    await module.close();
  });

  it('is injected by its tokens alone, which leaves the classes to the one without a name', async () => {
    const compile = () =>
      Test.createTestingModule({
        imports: [RtcMessagingModule.forRoot({ ...euOptions(), name: 'eu' })],
        providers: [BothAccounts],
      }).compile();
    const error = await rejectionOf<Error>(compile());
    expect(error.message).toContain('RoomUnicastService');
  });

  it.each([
    [getRoomUnicastToken('eu'), RoomUnicastService],
    [getRoomBroadcastToken('eu'), RoomBroadcastService],
    [getUserUnicastToken('eu'), UserUnicastService],
  ])('has the token %p', async (token, service) => {
    const module = await Test.createTestingModule({
      imports: [RtcMessagingModule.forRoot({ ...euOptions(), name: 'eu' })],
      providers: [{ provide: 'consumer', inject: [token], useFactory: (injected: unknown) => injected }],
    }).compile();
    expect(module.get('consumer')).toBeInstanceOf(service);
    await module.close();
  });

  it('is named in boot errors', async () => {
    const boot = Test.createTestingModule({
      imports: [RtcMessagingModule.forRoot({ name: 'eu', appId: 'a b' })],
    }).compile();
    const error = await rejectionOf<RtcConfigError>(boot);
    expect(error.message).toContain('RtcMessagingModule "eu" is not configured correctly:\n  - appId');
  });

  it.each([
    ['', 'must be 1–64'],
    ['a b', 'must be 1–64'],
    [7, 'must be 1–64'],
    ['default', 'without a name'],
  ])('can not be called %j', async (name, words) => {
    const boot = Test.createTestingModule({
      imports: [RtcMessagingModule.forRoot({ ...euOptions(), name: name as string })],
    }).compile();
    const { problems } = await rejectionOf<RtcConfigError>(boot);
    expect(problems).toEqual([{ option: 'name', message: expect.stringContaining(words) }]);
  });

  it.each([
    ['has the name of another', { name: 'eu' }, { name: 'eu' }, 'name'],
    ['has the route of another', { controller: {} }, { name: 'eu', controller: {} }, 'controller.path'],
    [
      'has it in other letters',
      { controller: { path: '/api/rtc/' } },
      { name: 'eu', controller: { path: 'api/rtc' } },
      'controller.path',
    ],
  ])('does not boot when it %s', async (_what, first, second, option) => {
    const register = ({ name, controller }: { name?: string; controller?: object }) =>
      RtcMessagingModule.forRoot({
        ...euOptions(),
        ...(name !== undefined && { name }),
        ...(controller !== undefined && { controller: { allowAnonymous: true, ...controller } }),
      });
    const boot = Test.createTestingModule({ imports: [register(first), register(second)] }).compile();
    const { problems } = await rejectionOf<RtcConfigError>(boot);
    expect(problems).toEqual([{ option, message: expect.stringContaining('of another module too') }]);
  });

  it('boots with the path of another, for other actions', async () => {
    const register = (name: string, action: RtcActionName) =>
      RtcMessagingModule.forRoot({
        ...euOptions(),
        name,
        controller: { allowAnonymous: true, actions: [action] },
      });
    const module = await Test.createTestingModule({
      imports: [register('one', 'SendBroadcast'), register('two', 'SendUnicast')],
    }).compile();
    await module.close();
  });

  it('is named in events and in the log', async () => {
    const { events, stop } = listenToEvents();
    const contexts: (string | undefined)[] = [];
    class Logger extends ConsoleLogger {
      protected override printMessages(_messages: unknown[], context?: string): void {
        contexts.push(context);
      }
    }
    const module = await Test.createTestingModule({
      imports: [RtcMessagingModule.forRoot({ ...euOptions(), appId: 'foreign', name: 'eu' })],
    }).compile();
    module.useLogger(new Logger());
    await rejectionOf(module.get<RoomUnicastService>(getRoomUnicastToken('eu')).batchSend(MESSAGE));
    await module.close();
    stop();
    const modules = events.map((event) => {
      if ('call' in event) return event.call.module;
      return 'fanOut' in event ? event.fanOut.module : event.module;
    });
    expect(modules).toEqual(['eu', 'eu', 'eu', 'eu']);
    expect(contexts).toEqual(['RtcMessaging:eu']);
  });
});
