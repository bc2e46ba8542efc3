import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { Agent as HttpAgent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import {
  RoomUnicastService,
  RtcMessagingModule,
  type RtcMessagingError,
  type RtcMessagingOptions,
} from 'nestjs-rtc-messaging';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { CREDENTIALS, LEAKS, printed, SECRET, TEXT, TOKEN } from '../support/printed.js';
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

describe('nothing that is printed holds a secret or the message:', () => {
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
    expect(await printed(error)).not.toMatch(LEAKS);
    for (const request of server.received) expect(await printed(error)).not.toContain(signatureOf(request));
    expect(await printed({ nested: [{ error }] })).not.toMatch(LEAKS);
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
    expect(await printed(error)).not.toMatch(LEAKS);
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
    for (const error of errors) expect(await printed(error)).not.toMatch(LEAKS);
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
    expect(await printed(error)).not.toMatch(LEAKS);
  });
});

describe("the module's providers, printed", () => {
  let emulator: RtcEmulator;
  beforeAll(async () => {
    emulator = await RtcEmulator.start({ credentials: CREDENTIALS });
  });
  afterAll(() => emulator.close());

  it.each<[string, (options: RtcMessagingOptions) => ReturnType<typeof RtcMessagingModule.forRoot>]>([
    ['forRoot', (options) => RtcMessagingModule.forRoot(options)],
    ['forRootAsync', (options) => RtcMessagingModule.forRootAsync({ useFactory: () => options })],
  ])('hold no secret after %s', async (_name, register) => {
    const app = await NestFactory.createApplicationContext(register(emulator.moduleOptions()), {
      logger: false,
    });
    const service = app.get(RoomUnicastService);
    await service.batchSend(MESSAGE);
    for (const token of ['nestjs-rtc-messaging:options', SETTINGS, RoomUnicastService]) {
      expect(await printed({ provider: inspect(app.get(token), { depth: 20 }) })).not.toMatch(LEAKS);
    }
    await app.close();
  });

  it.each<[string, () => Partial<RtcMessagingOptions>]>([
    ['', () => ({ credentials: CREDENTIALS })],
    [
      ", with a provider that keeps its keys in fields, and an agent of the app's",
      () => ({
        credentials: { ...CREDENTIALS, resolveCredentials: async () => CREDENTIALS },
        http: { httpAgent: new HttpAgent({ keepAlive: true }) },
      }),
    ],
  ])('hold no secret while a request is under way%s', async (_what, special) => {
    const server = await startScriptedServer(() => undefined);
    const options = { appId: 'app', from: 'server', endpoint: server.url, ...special() };
    const registered = RtcMessagingModule.forRoot(options);
    const module = await Test.createTestingModule({ imports: [registered] }).compile();
    module.useLogger(false);
    const service = module.get(RoomUnicastService);
    const controller = new AbortController();
    const sending = rejectionOf(service.batchSend(MESSAGE, { signal: controller.signal }));
    while (server.received.length === 0) await sleep(5);
    const text = await printed([
      service,
      module.get(registered.module),
      module.get(SETTINGS),
      module.get('nestjs-rtc-messaging:options'),
      registered,
    ]);
    controller.abort();
    await sending;
    await module.close();
    await server.close();
    expect(text).not.toMatch(LEAKS);
  });
});
