import { afterEach, describe, expect, it } from '@jest/globals';
import {
  All,
  BadRequestException,
  type CallHandler,
  type CanActivate,
  Catch,
  Controller,
  type ExceptionFilter,
  type ExecutionContext,
  HttpException,
  type INestApplication,
  Injectable,
  type MiddlewareConsumer,
  Module,
  type ModuleMetadata,
  type NestApplicationOptions,
  type NestInterceptor,
  type PipeTransform,
  UnauthorizedException,
  ValidationPipe,
  VersioningType,
} from '@nestjs/common';
import {
  type AbstractHttpAdapter,
  APP_FILTER,
  APP_GUARD,
  APP_INTERCEPTOR,
  APP_PIPE,
  NestFactory,
} from '@nestjs/core';
import { ExpressAdapter, type NestExpressApplication } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import {
  ClientSignatureService,
  OnClientMessage,
  OnRtcEvent,
  type RtcCallbackEvent,
  RtcCallbackModule,
  type RtcClientMessage,
} from 'nestjs-rtc-messaging/callbacks';
import { map } from 'rxjs';
import express from 'express';
import { APP_ID, EVENT_SECRET, MESSAGE_SECRET, postRaw, wireEvent } from '../support/callback-requests.js';

@Injectable()
class Classroom {
  readonly events: string[] = [];

  @OnRtcEvent('UserJoinRoom')
  onJoin({ data }: RtcCallbackEvent<'UserJoinRoom'>): void {
    this.events.push(data.UserId);
  }

  @OnClientMessage()
  onMessage({ userId, message }: RtcClientMessage): string {
    return `${userId} says ${String(message)}`;
  }
}

class Jwt implements CanActivate {
  canActivate(): boolean {
    throw new UnauthorizedException();
  }
}
class Throttler implements CanActivate {
  canActivate(): boolean {
    throw new HttpException('Too Many Requests', 429);
  }
}
class Wrapping implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler) {
    return next.handle().pipe(map((data: unknown) => ({ data })));
  }
}
class RefusingPipe implements PipeTransform {
  transform(): never {
    throw new BadRequestException();
  }
}
@Catch()
class Teapots implements ExceptionFilter {
  catch(_error: unknown): void {
    throw new Error('The filter was called');
  }
}
@Controller()
class CatchAll {
  @All('*')
  all(): string {
    return 'the page';
  }
}
type Next = () => void;
interface Ended {
  statusCode: number;
  end(): void;
}
const refuse = (_request: unknown, response: Ended, _next: Next): void => {
  response.statusCode = 418;
  response.end();
};
@Module({})
class MiddlewareModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(refuse).forRoutes('*path');
  }
}

interface Setting {
  readonly of: string;
  readonly metadata?: ModuleMetadata;
  readonly options?: NestApplicationOptions;
  readonly configure?: (app: INestApplication) => unknown;
  readonly only?: 'Express';
}

const SETTINGS: readonly Setting[] = [
  { of: 'no setting at all' },
  { of: 'a global JWT guard', metadata: { providers: [{ provide: APP_GUARD, useClass: Jwt }] } },
  { of: 'a guard by useGlobalGuards()', configure: (app) => app.useGlobalGuards(new Jwt()) },
  { of: 'a throttler', metadata: { providers: [{ provide: APP_GUARD, useClass: Throttler }] } },
  {
    of: 'a strict global validation pipe',
    configure: (app) =>
      app.useGlobalPipes(
        new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, forbidUnknownValues: true }),
      ),
  },
  {
    of: 'a global pipe that refuses everything',
    metadata: { providers: [{ provide: APP_PIPE, useClass: RefusingPipe }] },
  },
  {
    of: 'an interceptor that wraps responses',
    metadata: { providers: [{ provide: APP_INTERCEPTOR, useClass: Wrapping }] },
  },
  { of: 'a global exception filter', metadata: { providers: [{ provide: APP_FILTER, useClass: Teapots }] } },
  { of: 'bodyParser: false', options: { bodyParser: false } },
  { of: 'rawBody: true', options: { rawBody: true } },
  { of: 'a global prefix', configure: (app) => app.setGlobalPrefix('api/v1') },
  {
    of: 'versions in the path',
    configure: (app) => app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' }),
  },
  {
    of: 'versions in a header',
    configure: (app) => app.enableVersioning({ type: VersioningType.HEADER, header: 'x-version' }),
  },
  { of: 'CORS for one origin', configure: (app) => app.enableCors({ origin: 'https://app.example' }) },
  { of: 'a controller that takes every path', metadata: { controllers: [CatchAll] } },
  { of: 'middleware on every path', metadata: { imports: [MiddlewareModule] } },
  { of: 'middleware by app.use()', configure: (app) => app.use(refuse) },
  {
    of: 'a body parser that takes every content type',
    configure: (app) => (app as NestExpressApplication).useBodyParser('json', { type: () => true }),
    only: 'Express',
  },
  { of: 'shutdown hooks', configure: (app) => app.enableShutdownHooks() },
];

const PLATFORMS: readonly [name: string, create: () => AbstractHttpAdapter][] = [
  ['Express', () => new ExpressAdapter()],
  ['Fastify', () => new FastifyAdapter() as unknown as AbstractHttpAdapter],
];

const WAYS: readonly [
  name: string,
  create: (
    module: unknown,
    adapter: AbstractHttpAdapter,
    options?: NestApplicationOptions,
  ) => Promise<INestApplication>,
][] = [
  [
    'NestFactory',
    async (module, adapter, options) =>
      await NestFactory.create(module as never, adapter, { logger: false, ...options }),
  ],
  [
    'the testing module',
    async (module, adapter, options) => {
      const compiled = await Test.createTestingModule({ imports: [module as never] }).compile();
      return compiled.createNestApplication(adapter, { logger: false, ...options });
    },
  ],
];

const cases = WAYS.flatMap(([way, create]) =>
  PLATFORMS.flatMap(([platform, adapter]) =>
    SETTINGS.filter(({ only }) => only === undefined || only === platform).map((setting) => ({
      way,
      create,
      platform,
      adapter,
      ...setting,
    })),
  ),
);

const callbacks = () =>
  RtcCallbackModule.forRoot({
    appId: APP_ID,
    events: { path: '/rtc/events', secrets: [EVENT_SECRET] },
    clientMessages: { path: '/rtc/messages', secrets: [MESSAGE_SECRET] },
  });

describe('the routes of callbacks', () => {
  let app: INestApplication | undefined;
  afterEach(async () => {
    await app?.close();
    app = undefined;
  });

  const expectBoth = async (): Promise<void> => {
    await app!.listen(0, '127.0.0.1');
    const url = await app!.getUrl();
    const signature = app!.get(ClientSignatureService).issue({ userId: 'alice', expiresInSeconds: 60 });
    const message = { message: 'x'.repeat(60_000), binary: false, signature };
    for (const headers of [{}, { 'Content-Type': 'application/json' }, { 'Content-Type': 'text/;;' }]) {
      const event = await postRaw(`${url}/rtc/events`, wireEvent(), headers as Record<string, string>);
      expect([event.status, event.text]).toEqual([200, expect.any(String)]);
      const answer = await postRaw(`${url}/rtc/messages`, message, headers as Record<string, string>);
      expect([answer.status, answer.text]).toEqual([200, `alice says ${message.message}`]);
    }
    expect(app!.get(Classroom).events).toEqual(['alice', 'alice', 'alice']);
    expect((await postRaw(`${url}/rtc/events`, wireEvent({}, 'wrong'))).status).toBe(401);
  };

  it.each(cases)(
    'work with $of, on $platform and by $way',
    async ({ create, adapter, metadata, options, configure }) => {
      @Module({
        ...metadata,
        imports: [callbacks(), ...(metadata?.imports ?? [])],
        providers: [Classroom, ...(metadata?.providers ?? [])],
      })
      class AppModule {}
      app = await create(AppModule, adapter(), options);
      configure?.(app);
      await expectBoth();
    },
  );

  it.each([
    ['JSON', () => express.json({ type: () => true })],
    ['text', () => express.text({ type: () => true })],
    ['bytes', () => express.raw({ type: () => true })],
  ])("take %s that an Express of the app's own has read before", async (_kind, parser) => {
    @Module({ imports: [callbacks()], providers: [Classroom] })
    class AppModule {}
    const own = express();
    own.use(parser());
    app = await NestFactory.create(AppModule, new ExpressAdapter(own), { logger: false });
    await expectBoth();
  });
});
