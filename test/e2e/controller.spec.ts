import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type BeforeApplicationShutdown,
  Body,
  type CanActivate,
  Controller,
  type DynamicModule,
  type ExecutionContext,
  Inject,
  Injectable,
  Module,
  Post,
  UseFilters,
  ValidationPipe,
} from '@nestjs/common';
import {
  BatchSendRoomUnicastDto,
  RoomUnicastService,
  type RtcControllerOptions,
  RtcAbortedError,
  RtcExceptionFilter,
  RtcMessagingModule,
  RtcQuotaError,
  RtcTimeoutError,
} from 'nestjs-rtc-messaging';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { PLATFORMS } from '../support/platforms.js';
import { startApp, type TestApp } from '../support/test-app.js';

@Injectable()
class TokenStore {
  readonly tokens = new Set(['good']);
}

@Module({ providers: [TokenStore], exports: [TokenStore] })
class TokenModule {}

/** A guard that needs something of the app's. */
@Injectable()
class TokenGuard implements CanActivate {
  constructor(@Inject(TokenStore) private readonly store: TokenStore) {}

  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string> }>();
    return this.store.tokens.has(headers['x-token'] ?? '');
  }
}

/** A call whose last attempt the service refused because the quota was used up. */
const THROTTLED = {
  outcome: 'rejected',
  attempts: [
    {
      outcome: 'rejected',
      phase: 'done',
      startedAt: '2026-01-02T03:04:05.000Z',
      durationMs: 5,
      throttled: true,
    },
  ],
} as const;

/** What an app's own endpoint does with the DTO, the service and the filter. */
@Controller('own')
@UseFilters(RtcExceptionFilter)
class OwnController {
  constructor(@Inject(RoomUnicastService) private readonly roomUnicast: RoomUnicastService) {}

  @Post('dto')
  send(@Body() dto: BatchSendRoomUnicastDto): Promise<unknown> {
    return this.roomUnicast.batchSend(dto);
  }

  @Post('busy')
  busy(): never {
    throw new RtcQuotaError('The queue is full.', { retryAfterMs: 1_200 });
  }

  @Post('throttled')
  throttled(): never {
    throw new RtcTimeoutError('Time is over.', THROTTLED);
  }

  @Post('leaving')
  leaving(): never {
    throw new RtcAbortedError('The app closes.', THROTTLED);
  }

  @Post('nearly')
  nearly(): never {
    throw new RtcQuotaError('The queue is full.', { retryAfterMs: 0 });
  }
}

const refusing: CanActivate = { canActivate: () => false };
const MESSAGE = { to: ['alice'], message: 'hello' };

describe.each(PLATFORMS)('the controller on $name', (platform) => {
  let emulator: RtcEmulator;
  let running: TestApp | undefined;
  beforeEach(async () => {
    emulator = await RtcEmulator.start();
  });
  afterEach(async () => {
    await running?.app.close();
    running = undefined;
    await emulator.close();
  });

  const register = (controller?: RtcControllerOptions, overrides: object = {}): DynamicModule =>
    RtcMessagingModule.forRoot({
      ...emulator.moduleOptions(),
      ...overrides,
      ...(controller !== undefined && { controller }),
    });
  const start = async (...modules: DynamicModule[]): Promise<TestApp> => {
    running = await startApp(platform, { imports: modules }, platform.raiseBodyLimit);
    return running;
  };

  it('does not exist unless it is asked for', async () => {
    const { post } = await start(register());
    expect((await post('/rtc/rooms/room-1/unicast', MESSAGE)).status).toBe(404);
  });

  it('lets anyone in only with allowAnonymous', async () => {
    const { post } = await start(register({ allowAnonymous: true }));
    expect((await post('/rtc/rooms/room-1/unicast', MESSAGE)).status).toBe(200);
  });

  it('can be on two paths with two apps and two guards at once', async () => {
    const accounts = [{ credentials: { accessKeyId: 'b', secretAccessKey: 'b' }, appIds: ['app-b'] }];
    const second = await RtcEmulator.start({ accounts });
    const { post } = await start(
      register({ path: 'a', allowAnonymous: true }),
      register({ path: 'api/b', guards: [refusing] }, { name: 'b', endpoint: second.url }),
    );
    const [open, closed] = [
      await post('/a/rooms/room-1/unicast', MESSAGE),
      await post('/api/b/rooms/room-1/unicast', MESSAGE),
    ];
    expect([open.status, closed.status]).toEqual([200, 403]);
    expect([emulator.requests.length, second.requests.length]).toEqual([1, 0]);
    await second.close();
  });

  it('sends through its own module when there are two', async () => {
    const second = await RtcEmulator.start();
    const { post } = await start(
      register({ path: 'a', allowAnonymous: true }),
      register({ path: 'b', allowAnonymous: true }, { name: 'b', endpoint: second.url, from: 'second' }),
    );
    const bob = second.room('room-1').join('bob');
    await post('/b/rooms/room-1/unicast', { to: ['bob'], message: 'hello' });
    expect(emulator.requests).toEqual([]);
    expect(bob.received).toMatchObject([{ from: 'second', message: 'hello' }]);
    await second.close();
  });

  it("gives its guards what they inject from the app's modules", async () => {
    const { post } = await start(register({ guards: [TokenGuard], imports: [TokenModule] }));
    expect((await post('/rtc/rooms/room-1/unicast', MESSAGE)).status).toBe(403);
    expect((await post('/rtc/rooms/room-1/unicast', MESSAGE, { 'x-token': 'good' })).status).toBe(200);
  });

  it('lets a caller name the sender only with allowFrom', async () => {
    const alice = emulator.room('room-1').join('alice');
    const { post } = await start(
      register({ path: 'strict', allowAnonymous: true }),
      register({ path: 'free', allowAnonymous: true, allowFrom: true }),
    );
    const strict = await post('/strict/rooms/room-1/unicast', { ...MESSAGE, from: 'mallory' });
    const free = await post('/free/rooms/room-1/unicast', { ...MESSAGE, from: 'teacher' });
    expect(strict.status).toBe(400);
    expect(strict.body.issues).toEqual([{ path: 'from', message: 'may not be chosen by the caller' }]);
    expect(free.status).toBe(200);
    expect(alice.received).toMatchObject([{ from: 'teacher' }]);
  });

  it("depends on none of the app's global pipes, and neither stands in its way", async () => {
    const module = register({ allowAnonymous: true });
    running = await startApp(platform, { imports: [module] }, (app) => {
      app.useGlobalPipes(
        new ValidationPipe({
          whitelist: true,
          transform: true,
          validateCustomDecorators: true,
          forbidUnknownValues: true,
        }),
      );
    });
    const good = await running.post('/rtc/rooms/room-1/unicast', MESSAGE);
    const bad = await running.post('/rtc/rooms/room-1/unicast', { ...MESSAGE, colour: 'red' });
    expect(good.status).toBe(200);
    expect(bad.body.issues).toEqual([
      { path: 'colour', message: expect.stringContaining('is not a known property') },
    ]);
  });

  it.each([
    ['no body', ''],
    ['an array', []],
    ['null', 'null'],
  ])('answers %s with 400', async (_what, body) => {
    const { post } = await start(register({ allowAnonymous: true }));
    const answer = await post('/rtc/rooms/room-1/unicast', body);
    expect(answer.status).toBe(400);
  });

  it.each(['application/x-www-form-urlencoded', 'text/plain', 'application/jsonp'])(
    'refuses %s, which a page of another site could post with the cookies of its visitor',
    async (contentType) => {
      const { post } = await start(register({ allowAnonymous: true }));
      const answer = await post('/rtc/rooms/room-1/unicast', 'to=alice&to=bob&message=hi', {
        'Content-Type': contentType,
      });
      expect([400, 415]).toContain(answer.status);
      expect(emulator.requests).toEqual([]);
    },
  );

  it.each(['application/json; charset=utf-8', 'Application/JSON'])('accepts %s', async (contentType) => {
    const { post } = await start(register({ allowAnonymous: true }));
    const answer = await post('/rtc/rooms/room-1/unicast', MESSAGE, { 'Content-Type': contentType });
    expect(answer.status).toBe(200);
  });

  it('accepts the room in the path only', async () => {
    const { post } = await start(register({ allowAnonymous: true }));
    const { status, body } = await post('/rtc/rooms/room-1/unicast', { ...MESSAGE, roomId: 'room-2' });
    expect(status).toBe(400);
    expect(body.issues).toEqual([{ path: 'roomId', message: 'belongs in the path, not in the body' }]);
  });

  it('answers 502 when the service refuses, and says with what', async () => {
    const credentials = { accessKeyId: 'emulator-access-key', secretAccessKey: 'wrong' };
    const { post } = await start(register({ allowAnonymous: true }, { credentials }));
    const { status, body } = await post('/rtc/rooms/room-1/unicast', MESSAGE);
    expect(status).toBe(502);
    expect(body).toEqual({
      statusCode: 502,
      error: 'Bad Gateway',
      code: 'RTC_API',
      message: 'BatchSendRoomUnicast was refused with SignatureDoesNotMatch (HTTP 401).',
      outcome: 'rejected',
      requestId: emulator.requests[0]!.requestId,
    });
  });

  it.each([
    ['says when to come again', { retryAfter: 20 }, '20'],
    ['does not say', {}, '1'],
  ])(
    'answers 429 with Retry-After when the service goes on throttling and %s',
    async (_what, more, seconds) => {
      emulator.faults.add({ kind: 'error', code: 'FlowLimitExceeded.QPSOverLimit', probability: 1, ...more });
      const { post } = await start(register({ allowAnonymous: true }, { retry: { maxAttempts: 1 } }));
      const { status, headers, body } = await post('/rtc/rooms/room-1/unicast', MESSAGE);
      expect([status, headers.get('retry-after')]).toEqual([429, seconds]);
      expect(body).toEqual({
        statusCode: 429,
        error: 'Too Many Requests',
        code: 'RTC_API',
        message: 'BatchSendRoomUnicast was refused with FlowLimitExceeded.QPSOverLimit (HTTP 429).',
        outcome: 'rejected',
        requestId: emulator.requests[0]!.requestId,
      });
    },
  );

  it('answers 504 when it was throttled after an attempt that may have been accepted', async () => {
    emulator.faults.add({ kind: 'reset' });
    emulator.faults.add({ kind: 'error', code: 'FlowLimitExceeded', retryAfter: 20 });
    const { post } = await start(register({ allowAnonymous: true }, { onUnknown: 'resend' }));
    const { status, headers, body } = await post('/rtc/rooms/room-1/unicast', MESSAGE);
    expect([status, body.code, body.outcome]).toEqual([504, 'RTC_API', 'unknown']);
    expect(headers.get('retry-after')).toBeNull();
  });

  it('answers 503 while the app shuts down', async () => {
    const registered = register({ allowAnonymous: true });
    const { app, post } = await start(registered);
    app.get<BeforeApplicationShutdown>(registered.module).beforeApplicationShutdown();
    const { status, body } = await post('/rtc/rooms/room-1/unicast', MESSAGE);
    expect([status, body.code, body.outcome]).toEqual([503, 'RTC_ABORTED', 'not_attempted']);
  });

  it('answers 502 when nothing could be sent', async () => {
    const { post } = await start(register({ allowAnonymous: true }));
    await emulator.close();
    const { status, body } = await post('/rtc/rooms/room-1/unicast', MESSAGE);
    expect([status, body.code, body.outcome]).toEqual([502, 'RTC_NETWORK', 'not_attempted']);
    // The hint names the host, which is the operator's.
    expect(body.message).toBe(
      'BatchSendRoomUnicast failed with ECONNREFUSED in phase "connecting" at attempt 3; nothing was sent.',
    );
    expect(body).not.toHaveProperty('hint');
  });

  it('answers 502 when there are no credentials, without the settings', async () => {
    const credentials = { resolveCredentials: () => Promise.reject(new Error('vault at 10.0.0.7 said no')) };
    const { post } = await start(register({ allowAnonymous: true }, { credentials }));
    const { status, body } = await post('/rtc/rooms/room-1/unicast', MESSAGE);
    expect(status).toBe(502);
    expect(body).toEqual({
      statusCode: 502,
      error: 'Bad Gateway',
      code: 'RTC_CONFIG',
      message: 'The sender is not configured correctly.',
      outcome: 'not_attempted',
    });
  });

  it("lends its filter and its DTO to an app's own controllers", async () => {
    running = await startApp(platform, { imports: [register()], controllers: [OwnController] }, (app) =>
      app.useGlobalPipes(
        new ValidationPipe({ transform: true, whitelist: true, forbidNonWhitelisted: true }),
      ),
    );
    const sent = await running.post('/own/dto', { roomId: 'room-1', ...MESSAGE });
    const refused = await running.post('/own/dto', { roomId: 'room-1', to: ['a', 'b c'], message: 'x' });
    const busy = await running.post('/own/busy', {});
    const nearly = await running.post('/own/nearly', {});
    const throttled = await running.post('/own/throttled', {});
    const leaving = await running.post('/own/leaving', {});
    expect(sent.status).toBe(201);
    expect(refused.status).toBe(400);
    expect(refused.body.message).toEqual([expect.stringContaining('to[1]: "b c" contains a space')]);
    expect(nearly.headers.get('retry-after')).toBe('1');
    expect([throttled.status, throttled.headers.get('retry-after')]).toEqual([429, '1']);
    expect([leaving.status, leaving.headers.get('retry-after')]).toEqual([503, null]);
    expect([busy.status, busy.headers.get('retry-after'), busy.body.code]).toEqual([429, '2', 'RTC_QUOTA']);
  });
});
