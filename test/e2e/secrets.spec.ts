import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type DynamicModule, Injectable } from '@nestjs/common';
import { ConfigModule, ConfigService } from '@nestjs/config';
import { ModuleRef, ModulesContainer, NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { Agent as HttpAgent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  RoomUnicastService,
  type RtcCredentials,
  RtcMessagingModule,
  type RtcMessagingError,
  type RtcMessagingOptions,
  type RtcMessagingOptionsFactory,
} from 'nestjs-rtc-messaging';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { CREDENTIALS, leaksIn, printed, SECRET, TEXT, TOKEN } from '../support/printed.js';
import { rejectionOf } from '../support/rejection.js';
import {
  type ReceivedRequest,
  respond,
  startScriptedServer,
  vendorAnswer,
} from '../support/scripted-server.js';
import { createService } from '../support/service.js';

const MESSAGE = { roomId: 'room-1', to: ['alice'], message: TEXT };

const signatureOf = ({ headers }: ReceivedRequest): string =>
  /Signature=(\w+)/.exec(String(headers.authorization))?.[1] ?? 'none';
const SETTINGS = 'nestjs-rtc-messaging:settings';

describe('no printed form has a secret or the message of', () => {
  /** Answers with an error text that quotes all of the request, as a careless gateway may. */
  const quoting = (request: ReceivedRequest): string => JSON.stringify(request) + SECRET + TOKEN;
  const cases: [string, Parameters<typeof startScriptedServer>[0], Partial<RtcMessagingOptions>?][] = [
    [
      'a refusal',
      (response, request) =>
        respond(401, vendorAnswer('SignatureDoesNotMatch', quoting(request)))(response, request),
    ],
    [
      'a refusal whose code is the signature',
      (response, request) =>
        respond(400, vendorAnswer(`x${signatureOf(request)}`.slice(1)))(response, request),
    ],
    [
      'a refusal whose code is the message',
      (response, request) => respond(400, vendorAnswer(TEXT))(response, request),
    ],
    [
      'a refusal whose request ID is the token',
      (response, request) =>
        respond(400, vendorAnswer('AccessDenied').replace('20260101000000ABC', TOKEN))(response, request),
    ],
    [
      'a refusal whose code is the request',
      (response, request) => respond(200, vendorAnswer(quoting(request)))(response, request),
    ],
    ['a page', (response, request) => respond(200, quoting(request))(response, request)],
    [
      'a redirect',
      (response, request) =>
        respond(302, '', { Location: `/?${encodeURIComponent(quoting(request))}` })(response, request),
    ],
    ['a reset', (response) => response.socket?.destroy()],
    ['a time-out', () => undefined],
    [
      'a provider that fails',
      respond(200, ''),
      {
        credentials: () => {
          throw Object.assign(new Error(SECRET), { config: { secret: SECRET } });
        },
      },
    ],
  ];

  it.each(cases)('%s', async (_what, answer, options = {}) => {
    const server = await startScriptedServer(answer);
    const { module, service } = await createService({
      appId: 'app',
      from: 'server',
      endpoint: server.url,
      timeoutMs: 100,
      credentials: CREDENTIALS,
      ...options,
    });
    const error = await rejectionOf(service.batchSend(MESSAGE));
    await module.close();
    await server.close();
    expect(await leaksIn(error)).toEqual([]);
    for (const request of server.received) expect(await printed(error)).not.toContain(signatureOf(request));
    expect(await leaksIn({ nested: [{ error }] })).toEqual([]);
  });

  it('a connection that is refused', async () => {
    const { module, service } = await createService({
      appId: 'app',
      from: 'server',
      endpoint: 'http://127.0.0.1:1',
      credentials: CREDENTIALS,
    });
    const error = await rejectionOf(service.batchSend(MESSAGE));
    await module.close();
    expect(await leaksIn(error)).toEqual([]);
  });

  it('a message that breaks a rule', async () => {
    const { module, service } = await createService({
      appId: 'app',
      from: 'server',
      credentials: CREDENTIALS,
    });
    const errors: RtcMessagingError[] = [
      await rejectionOf(service.batchSend({ ...MESSAGE, message: `${TEXT}\ud800` })),
      await rejectionOf(service.batchSend({ ...MESSAGE, message: TEXT, binary: true })),
      await rejectionOf(service.batchSend({ ...MESSAGE, message: TEXT.repeat(2_000) })),
      await rejectionOf(service.batchSend({ ...MESSAGE, message: { TEXT } as never })),
    ];
    await module.close();
    for (const error of errors) expect(await leaksIn(error)).toEqual([]);
  });

  it('wrong settings', async () => {
    const error = await rejectionOf(
      createService({
        appId: 'a b',
        endpoint: `https://user:${SECRET}@host/`,
        timeoutMs: SECRET as never,
        credentials: { accessKeyId: 'key', secretAccessKey: `${SECRET}\n`, sessionToken: TOKEN },
      }),
    );
    expect(await leaksIn(error)).toEqual([]);
  });
});

describe('no property at any depth shows a secret of', () => {
  let emulator: RtcEmulator;
  beforeAll(async () => {
    emulator = await RtcEmulator.start({ credentials: CREDENTIALS });
  });
  afterAll(() => emulator.close());

  const environment = (): Record<string, string> => ({
    RTC_APP_ID: 'emulator-app',
    RTC_FROM: 'server',
    RTC_ENDPOINT: emulator.url,
    VOLCENGINE_ACCESS_KEY: CREDENTIALS.accessKeyId,
    VOLCENGINE_SECRET_KEY: SECRET,
    VOLCENGINE_SESSION_TOKEN: TOKEN,
  });
  /** A provider as they are often written: with its keys, and what it gave, in properties. */
  class KeysInFields {
    readonly config = CREDENTIALS;
    async resolveCredentials(): Promise<RtcCredentials> {
      return this.config;
    }
  }
  @Injectable()
  class OptionsFactory implements RtcMessagingOptionsFactory {
    createRtcMessagingOptions(): RtcMessagingOptions {
      return emulator.moduleOptions();
    }
  }

  it.each<[string, () => DynamicModule]>([
    ['the module of options', () => RtcMessagingModule.forRoot(emulator.moduleOptions())],
    ['the module of the environment', () => RtcMessagingModule.forRoot()],
    [
      'the module of a provider with fields',
      () => RtcMessagingModule.forRoot({ ...emulator.moduleOptions(), credentials: new KeysInFields() }),
    ],
    [
      'the module of a function with properties',
      () =>
        RtcMessagingModule.forRoot({
          ...emulator.moduleOptions(),
          credentials: Object.assign(async () => CREDENTIALS, { cached: CREDENTIALS }),
        }),
    ],
    [
      'the module of a factory',
      () => RtcMessagingModule.forRootAsync({ useFactory: () => emulator.moduleOptions() }),
    ],
    ['the module of a class', () => RtcMessagingModule.forRootAsync({ useClass: OptionsFactory })],
    [
      'the module with a name and a controller',
      () =>
        RtcMessagingModule.forRoot({
          ...emulator.moduleOptions(),
          name: 'eu',
          controller: { allowAnonymous: true },
        }),
    ],
  ])('%s', async (_what, register) => {
    const before = { ...process.env };
    Object.assign(process.env, environment());
    try {
      const registered = register();
      const app = await NestFactory.createApplicationContext(
        { module: class AppModule {}, imports: [ConfigModule.forRoot({ ignoreEnvFile: true }), registered] },
        { logger: false },
      );
      const modules = [...app.get(ModulesContainer).values()];
      await app.get<RoomUnicastService>(registered.exports?.[0] as never).batchSend(MESSAGE);
      // The environment itself has them, of course.
      process.env = before;
      const config = app.get(ConfigService);
      expect(config.get('rtcMessaging')).toBeDefined();
      const own = modules.filter(({ metatype }) => metatype === RtcMessagingModule);
      const providers = own.flatMap((module) => [...module.providers, ...module.controllers]);
      // Through which all of Nest is reached, and so what the app has made itself.
      const instances = providers
        .filter(([token]) => token !== ModuleRef)
        .map(([, { instance }]) => instance);
      expect(await leaksIn([registered, config, config.get('rtcMessaging'), instances])).toEqual([]);
      await app.close();
    } finally {
      process.env = before;
    }
  });

  it('the emulator', async () => {
    const started = await RtcEmulator.start({
      credentials: CREDENTIALS,
      accounts: [{ credentials: CREDENTIALS, appIds: ['another'] }],
    });
    expect(await leaksIn(started)).toEqual([]);
    await started.close();
  });

  it.each<[string, () => Partial<RtcMessagingOptions>]>([
    ['with its own agent', () => ({ credentials: CREDENTIALS })],
    [
      "with a provider and an agent of the app's",
      () => ({
        credentials: { ...CREDENTIALS, resolveCredentials: async () => CREDENTIALS },
        http: { httpAgent: new HttpAgent({ keepAlive: true }) },
      }),
    ],
  ])('the module while a request is in flight, %s', async (_what, special) => {
    const server = await startScriptedServer(() => undefined);
    const options = { appId: 'app', from: 'server', endpoint: server.url, ...special() };
    const registered = RtcMessagingModule.forRoot(options);
    const module = await Test.createTestingModule({ imports: [registered] }).compile();
    module.useLogger(false);
    const service = module.get(RoomUnicastService);
    const controller = new AbortController();
    const sending = rejectionOf(service.batchSend(MESSAGE, { signal: controller.signal }));
    while (server.received.length === 0) await sleep(5);
    const leaks = await leaksIn([
      service,
      module.get(registered.module),
      module.get(SETTINGS),
      module.get('nestjs-rtc-messaging:options'),
      registered,
      controller,
    ]);
    controller.abort();
    await sending;
    await module.close();
    await server.close();
    expect(leaks).toEqual([]);
  });
});
