import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { Agent, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  type CallHandler,
  type CanActivate,
  Controller,
  type DynamicModule,
  type ExecutionContext,
  ForbiddenException,
  Injectable,
  type INestApplication,
  type NestInterceptor,
  type PipeTransform,
  Scope,
  UseGuards,
  UseInterceptors,
  UsePipes,
  type Type,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import {
  type ClientSignatureService,
  getClientSignatureToken,
  OnClientMessage,
  OnRtcEvent,
  type RtcCallbackEvent,
  RtcCallbackModule,
  type RtcClientMessage,
} from 'nestjs-rtc-messaging/callbacks';
import { tap } from 'rxjs';
import {
  APP_ID,
  CALLBACK_OPTIONS,
  EVENT_SECRET,
  MESSAGE_SECRET,
  postRaw,
  wireEvent,
} from '../support/callback-requests.js';
import { LogLines } from '../support/log-lines.js';
import { PLATFORMS } from '../support/platforms.js';
import { rejectionOf } from '../support/rejection.js';
import { until } from '../support/until.js';

let app: INestApplication | undefined;
let logger: LogLines;
afterEach(async () => {
  await app?.close();
  app = undefined;
});

async function start(
  providers: Type[],
  modules: DynamicModule[] = [RtcCallbackModule.forRoot(CALLBACK_OPTIONS)],
  platform = PLATFORMS[0]!,
  controllers: Type[] = [],
): Promise<string> {
  logger = new LogLines();
  const module = await Test.createTestingModule({ imports: modules, providers, controllers })
    .setLogger(logger)
    .compile();
  app = platform.createApp(module);
  await app.listen(0, '127.0.0.1');
  return await app.getUrl();
}

const signatureFor = (userId: string, name?: string): string =>
  app!
    .get<ClientSignatureService>(getClientSignatureToken(name), { strict: false })
    .issue({ userId, expiresInSeconds: 60 });

const say = (url: string, message: unknown, more: object = {}) =>
  postRaw(url, { message, binary: false, signature: signatureFor('alice'), ...more });

describe('a handler', () => {
  it('has its guards, pipes and interceptors, and those of its class', async () => {
    const seen: string[] = [];
    class Rooms implements CanActivate {
      canActivate(context: ExecutionContext): boolean {
        const [event] = context.getArgs<[RtcCallbackEvent]>();
        seen.push(`guard ${context.getType()} ${context.getHandler().name} ${event.type}`);
        return event.type !== 'RoomDestroy';
      }
    }
    class Trace implements NestInterceptor {
      intercept(_context: ExecutionContext, next: CallHandler) {
        return next.handle().pipe(tap(() => seen.push('intercepted')));
      }
    }
    class UserOf implements PipeTransform {
      transform(event: RtcCallbackEvent<'UserJoinRoom'>) {
        return event.data.UserId ?? 'nobody';
      }
    }
    @Injectable()
    @UseGuards(new Rooms())
    class Attendance {
      @OnRtcEvent('UserJoinRoom')
      @OnRtcEvent('RoomDestroy')
      @UsePipes(UserOf)
      @UseInterceptors(new Trace())
      attend(user: string): void {
        seen.push(user);
      }
    }
    const url = await start([Attendance]);
    expect((await postRaw(`${url}/events`, wireEvent())).status).toBe(200);
    expect(seen).toEqual(['guard rtc attend UserJoinRoom', 'alice', 'intercepted']);
    const refused = wireEvent({ EventType: 'RoomDestroy', EventData: '{"RoomId":"r"}' });
    expect((await postRaw(`${url}/events`, refused)).status).toBe(500);
  });

  it('may be a method of a controller, and is called once for an instance with two tokens', async () => {
    const calls: string[] = [];
    @Controller('x')
    class Page {
      @OnRtcEvent('*')
      onAny(): void {
        calls.push('controller');
      }
    }
    @Injectable()
    class Shared {
      @OnRtcEvent('*')
      @OnRtcEvent('UserJoinRoom')
      onAny(): void {
        calls.push('provider');
      }
    }
    const url = await start(
      [Shared, { provide: 'alias', useExisting: Shared } as never],
      undefined,
      undefined,
      [Page],
    );
    await postRaw(`${url}/events`, wireEvent());
    expect(calls.sort()).toEqual(['controller', 'provider']);
  });

  it.each([
    ['is request-scoped', Scope.REQUEST],
    ['is transient', Scope.TRANSIENT],
  ])('fails the boot if its class %s', async (_how, scope) => {
    @Injectable({ scope })
    class Scoped {
      @OnRtcEvent('*')
      onAny(): void {}
    }
    const error = await rejectionOf(start([Scoped]));
    expect(error).toMatchObject({ code: 'RTC_CONFIG', message: expect.stringContaining('Scoped.onAny()') });
    expect((error as Error).message).toContain('request-scoped or transient');
  });

  it('fails the boot if it names a module that is not there, or if two answer the same messages', async () => {
    @Injectable()
    class Lost {
      @OnRtcEvent('*', { name: 'emaa' })
      onAny(): void {}
    }
    expect(String(await rejectionOf(start([Lost])))).toContain(
      'Lost.onAny(): is for the RtcCallbackModule "emaa"',
    );
    @Injectable()
    class Twice {
      @OnClientMessage()
      one(): void {}
      @OnClientMessage()
      two(): void {}
    }
    expect(String(await rejectionOf(start([Twice])))).toContain(
      'Twice.two(): is the second handler of the messages',
    );
    const twice = [
      RtcCallbackModule.forRoot(CALLBACK_OPTIONS),
      RtcCallbackModule.forRoot({ ...CALLBACK_OPTIONS, name: 'b' }),
    ];
    expect(String(await rejectionOf(start([], twice)))).toContain('is the second route at /events');
  });

  it('keeps its guards, pipes and interceptors however Nest is given its instance', async () => {
    @Injectable()
    class Names {
      readonly allowed = 'alice';
    }
    @Injectable()
    class OnlyAlice implements CanActivate {
      constructor(private readonly names: Names) {}
      canActivate(context: ExecutionContext): boolean {
        return context.getArgs<[RtcCallbackEvent<'UserJoinRoom'>]>()[0].data.UserId === this.names.allowed;
      }
    }
    const seen: unknown[] = [];
    @Injectable()
    class TypeOf implements PipeTransform {
      transform = (event: RtcCallbackEvent) => event.type;
    }
    @Injectable()
    class Trace implements NestInterceptor {
      intercept = (_context: ExecutionContext, next: CallHandler) =>
        next.handle().pipe(tap(() => seen.push('intercepted')));
    }
    @Controller('x')
    @UseGuards(OnlyAlice)
    class Guarded {
      @OnRtcEvent('UserJoinRoom')
      @UsePipes(TypeOf)
      @UseInterceptors(Trace)
      onJoin(type: string): void {
        seen.push(type);
      }
    }
    const bob = () => wireEvent({ EventData: '{"RoomId":"r","UserId":"bob"}' });
    const ways: [unknown[], Type[]][] = [
      [[{ provide: Guarded, useFactory: () => new Guarded() }], []],
      [[{ provide: 'other', useFactory: async () => new Guarded() }], []],
      [[{ provide: Guarded, useValue: new Guarded() }], []],
      [[{ provide: 'other', useValue: new Guarded() }], []],
      [[{ provide: 'other', useClass: Guarded }], []],
      [[Guarded], []],
      [[], [Guarded]],
    ];
    for (const [providers, controllers] of ways) {
      const url = await start([Names, ...providers] as Type[], undefined, undefined, controllers);
      expect((await postRaw(`${url}/events`, bob())).status).toBe(500);
      expect((await postRaw(`${url}/events`, wireEvent())).status).toBe(200);
      expect(seen.splice(0)).toEqual(['UserJoinRoom', 'intercepted']);
      await app!.close();
    }
    const unresolved = start([{ provide: Guarded, useFactory: () => new Guarded() } as never]);
    expect(String(await rejectionOf(unresolved))).toContain('OnlyAlice');
  });

  it('that could never be called fails the boot', async () => {
    @Injectable()
    class Plain {
      @OnRtcEvent('*')
      onAny(): void {}
    }
    @Injectable()
    class Answering {
      @OnClientMessage()
      answer(): void {}
    }
    const { appId, events, clientMessages } = CALLBACK_OPTIONS;
    const scoped = { provide: Plain, scope: Scope.REQUEST, useFactory: () => new Plain() };
    const eventsOnly = [RtcCallbackModule.forRoot({ appId, events })];
    const messagesOnly = [RtcCallbackModule.forRoot({ appId, clientMessages })];
    const cases: [Promise<string>, string][] = [
      [start([scoped as never]), 'request-scoped'],
      [start([Answering], eventsOnly), 'without a name with clientMessages, which this app does not have'],
      [start([Plain], messagesOnly), 'without a name with events, which this app does not have'],
    ];
    for (const [started, message] of cases) {
      const said = String(await rejectionOf(started));
      expect(said).toContain(message);
      expect(said).toContain('RtcCallbackModule is not configured correctly');
    }
    const handle = OnRtcEvent('*');
    for (const [target, key] of [
      [class {}, 'onAny'],
      [{}, Symbol('onAny')],
    ] as const) {
      expect(() => handle(target, key, { value: () => undefined } as never)).toThrow('must be a method');
    }
    expect(() => (handle as PropertyDecorator)({}, 'onAny')).toThrow('must be a method');
  });

  it('is the method that the instance has: one that overrides it, or that a decorator put in its place', async () => {
    const calls: string[] = [];
    const Replacing: MethodDecorator = (_target, _key, descriptor) => {
      descriptor.value = (() => calls.push('replaced')) as never;
    };
    @Injectable()
    class Base {
      @OnRtcEvent('*')
      onAny(): void {
        calls.push(`of ${this.constructor.name}`);
      }
    }
    @Injectable()
    class Inherits extends Base {}
    @Injectable()
    class Overrides extends Base {
      override onAny(): void {
        calls.push('overridden');
      }
    }
    @Injectable()
    class Wrapped {
      @Replacing
      @OnRtcEvent('*')
      onAny(): void {}
    }
    const url = await start([Base, Inherits, Overrides, Wrapped]);
    expect((await postRaw(`${url}/events`, wireEvent())).status).toBe(200);
    expect(calls.toSorted()).toEqual(['of Base', 'of Inherits', 'overridden', 'replaced']);
  });

  it('that could never be called fails when it is decorated, for a type that no event has', () => {
    for (const type of ['', 'User JoinRoom', 'a client message', '*a', '2020-12-01', undefined, 7]) {
      expect(() => OnRtcEvent(type as never)).toThrow(
        /RtcCallbackModule is not .*\n.*must be an event's type/,
      );
    }
    expect(OnRtcEvent('Record.Audio-Stop_2')).toBeInstanceOf(Function);
  });

  it('is called as its instance has it: bound, or wrapped by a proxy', async () => {
    const seen: string[] = [];
    class Allows implements CanActivate {
      canActivate(context: ExecutionContext): boolean {
        seen.push(`guard of ${context.getClass().name}`);
        return true;
      }
    }
    @Injectable()
    class Bound {
      constructor() {
        this.onAny = this.onAny.bind(this);
      }
      @OnRtcEvent('*')
      @UseGuards(Allows)
      onAny(): void {
        seen.push(`bound ${this instanceof Bound}`);
      }
    }
    class Traced {
      @OnRtcEvent('*')
      onAny(): void {
        seen.push('traced');
      }
    }
    const proxy = new Proxy(new Traced(), {
      get: (target, key, receiver) => {
        const value: unknown = Reflect.get(target, key, receiver);
        if (key !== 'onAny') return value;
        return (...given: unknown[]) => {
          seen.push('trace');
          return (value as (...all: unknown[]) => unknown).apply(target, given);
        };
      },
    });
    const url = await start([Bound, { provide: Traced, useFactory: () => proxy } as never]);
    expect((await postRaw(`${url}/events`, wireEvent())).status).toBe(200);
    expect(seen.toSorted()).toEqual(['bound true', 'guard of Bound', 'trace', 'traced']);
  });

  it('of two modules without a name would serve both, so that they fail the boot', async () => {
    const other = { appId: 'other', events: { path: '/other', secrets: [EVENT_SECRET] } };
    const started = start(
      [],
      [RtcCallbackModule.forRoot(CALLBACK_OPTIONS), RtcCallbackModule.forRoot(other)],
    );
    expect(String(await rejectionOf(started))).toContain('is the second RtcCallbackModule without a name');
  });

  it('of a named module gets what that one receives', async () => {
    const calls: string[] = [];
    @Injectable()
    class Two {
      @OnRtcEvent('*')
      ofFirst(): void {
        calls.push('unnamed');
      }
      @OnRtcEvent('*', { name: 'emea' })
      ofSecond(): void {
        calls.push('emea');
      }
      @OnClientMessage({ name: 'emea' })
      answer({ userId }: RtcClientMessage): string {
        return userId;
      }
    }
    const emea = RtcCallbackModule.forRootAsync({
      name: 'emea',
      useFactory: async () => ({
        appId: 'emea-app',
        events: { path: '/emea/events', secrets: [EVENT_SECRET] },
        clientMessages: { path: '/emea/messages', secrets: [MESSAGE_SECRET] },
      }),
    });
    const url = await start([Two], [RtcCallbackModule.forRoot(CALLBACK_OPTIONS), emea]);
    await postRaw(`${url}/emea/events`, wireEvent({ AppId: 'emea-app' }));
    expect(calls).toEqual(['emea']);
    expect((await postRaw(`${url}/emea/events`, wireEvent())).status).toBe(403);
    const answer = await say(`${url}/emea/messages`, 'x', { signature: signatureFor('bob', 'emea') });
    expect(answer).toMatchObject({ status: 200, text: 'bob' });
    expect((await say(`${url}/emea/messages`, 'x')).status).toBe(401);
    expect((await say(`${url}/messages`, 'x')).status).toBe(404);
  });
});

@Injectable()
class Answers {
  answer: (message: RtcClientMessage) => unknown = () => undefined;
  count = 0;

  @OnClientMessage()
  onMessage(message: RtcClientMessage): unknown {
    this.count += 1;
    return this.answer(message);
  }

  @OnRtcEvent('*')
  onEvent(): void {
    this.count += 1;
  }
}

describe.each(PLATFORMS)('client messages on $name', (platform) => {
  const started = async () => {
    const url = await start([Answers], undefined, platform);
    return { url: `${url}/messages`, events: `${url}/events`, answers: app!.get(Answers) };
  };

  it('are answered with text or bytes of at most 64 KB, and with a general failure otherwise', async () => {
    const { url, answers } = await started();
    const cases: [unknown, number, string | undefined][] = [
      ['wörter', 200, 'wörter'],
      [new Uint8Array([65, 66]), 200, 'AB'],
      [undefined, 200, ''],
      ['x'.repeat(65_536), 200, undefined],
      ['x'.repeat(65_537), 500, 'Internal Server Error'],
      [new Uint8Array(65_537), 500, undefined],
      [{ a: 'CANARY' }, 500, 'Internal Server Error'],
      [7, 500, undefined],
    ];
    for (const [answer, status, text] of cases) {
      answers.answer = async () => answer;
      const got = await say(url, 'hello');
      expect(got.status).toBe(status);
      if (text !== undefined) expect(got.text).toBe(text);
    }
    answers.answer = () => {
      throw new TypeError('CANARY');
    };
    expect(await say(url, 'hello')).toMatchObject({ status: 500, text: 'Internal Server Error' });
    answers.answer = () => {
      throw new ForbiddenException('CANARY');
    };
    expect(await say(url, 'hello')).toMatchObject({ status: 500, text: 'Internal Server Error' });
    const unusual = [
      new Proxy(
        {},
        {
          get: () => {
            throw new Error('CANARY');
          },
        },
      ),
      new Proxy(
        {},
        {
          getPrototypeOf: () => {
            throw new Error('CANARY');
          },
        },
      ),
      { getStatus: () => 404.5 },
      null,
      undefined,
      '\ud800',
    ];
    for (const thrown of unusual) {
      answers.answer = () => {
        throw thrown;
      };
      expect(await say(url, 'hello')).toMatchObject({ status: 500, text: 'Internal Server Error' });
    }
    expect(logger.lines.join('\n')).not.toContain('CANARY');
  });

  it('are limited for each user that was verified, and for no one else', async () => {
    const messages = { ...CALLBACK_OPTIONS.clientMessages, maxPerSecond: 2 };
    const url = await start(
      [Answers],
      [RtcCallbackModule.forRoot({ ...CALLBACK_OPTIONS, clientMessages: messages })],
      platform,
    );
    const forged = Array.from({ length: 20 }, () => say(`${url}/messages`, 'x', { signature: 'alice.x' }));
    for (const { status } of await Promise.all(forged)) expect(status).toBe(401);
    const statuses = [];
    for (let n = 0; n < 3; n++) statuses.push((await say(`${url}/messages`, 'x')).status);
    expect(statuses.slice(0, 2)).toEqual([200, 200]);
    // A slow machine may take half a second for one of them.
    expect([200, 429]).toContain(statuses[2]);
    const bob = await say(`${url}/messages`, 'x', { signature: signatureFor('bob') });
    expect(bob.status).toBe(200);
  });

  it('and events are refused without a 5xx, a call or a leak, for whatever is wrong with them', async () => {
    const { url, events, answers } = await started();
    const signature = signatureFor('alice');
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    const bodies: [string, unknown][] = [
      ['nothing', ''],
      ['no JSON', '{"message"'],
      ['a text', '"CANARY"'],
      ['null', 'null'],
      ['a list', '[]'],
      ['a hundred thousand levels', deep],
      ['such levels in a field', `{"message":${deep},"EventData":${deep}}`],
      ['1 MB', JSON.stringify({ message: 'x'.repeat(1_048_576), binary: false, signature })],
      ['bytes that are no UTF-8', Buffer.from([0xff, 0xfe, 0x00])],
      ['a prototype', '{"__proto__":{"message":"x","binary":false,"signature":"x"}}'],
      ['a message of a wrong type', { message: 7, binary: false, signature }],
      ['binary of a wrong type', { message: 'x', binary: 'no', signature }],
      ['no base64', { message: 'x!', binary: true, signature }],
      ['no signature', { message: 'CANARY', binary: false }],
      ['a signature of a wrong type', { message: 'CANARY', binary: false, signature: { a: 1 } }],
      ['over 64 KB', { message: 'x'.repeat(65_537), binary: false, signature }],
      ['an event with a wrong signature', { ...wireEvent(), Signature: '0'.repeat(64) }],
      ['an altered event', { ...wireEvent(), EventData: '{"RoomId":"r","UserId":"CANARY"}' }],
      ['an old event', wireEvent({ EventTime: '2020-01-01T00:00:00Z' })],
      ["another app's event", wireEvent({ AppId: 'CANARY' })],
    ];
    for (const [what, body] of bodies) {
      for (const target of [url, events]) {
        const { status, text } = await postRaw(target, body);
        expect([what, status, text]).toEqual([what, expect.any(Number), expect.any(String)]);
        expect(status).toBeGreaterThanOrEqual(400);
        expect(status).toBeLessThan(500);
        expect(text).not.toContain('CANARY');
      }
    }
    const chunked = await fetch(url, {
      method: 'POST',
      body: new Blob(['x'.repeat(400_000)]).stream(),
      duplex: 'half',
    } as RequestInit);
    expect(chunked.status).toBe(413);
    expect(answers.count).toBe(0);
    const lines = logger.lines.filter((line) => line.startsWith('WARN'));
    expect(new Set(lines).size).toBe(lines.length);
    expect(logger.lines.join('\n')).not.toMatch(/CANARY|the-secret/);
  });
});

it('an answer that can not be written ends the connection, and not the process', async () => {
  const url = await start([Answers]);
  app!.getHttpServer().prependListener('request', (_request: unknown, response: ServerResponse) => {
    response.writeHead = () => {
      throw new Error('CANARY');
    };
  });
  await expect(postRaw(`${url}/events`, wireEvent())).rejects.toThrow('socket hang up');
  expect(logger.lines.join('\n')).toContain('POST /events: failed to answer.');
  expect(logger.lines.join('\n')).not.toContain('CANARY');
});

it.each(PLATFORMS)(
  'a request that is refused before its end is the last of its connection, on $name',
  async (platform) => {
    const url = await start([], undefined, platform);
    const agent = new Agent({ keepAlive: true });
    const sent = request(`${url}/events`, { method: 'POST', agent });
    sent.write('x'.repeat(300_000));
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    expect([response.statusCode, response.headers.connection]).toEqual([413, 'close']);
    expect(await text(response)).toBe('Payload Too Large');
    // The answer was there before the rest, which is still taken.
    sent.end('x'.repeat(300_000));
    await once(sent, 'close');
    expect(response.complete).toBe(true);
    agent.destroy();
  },
);

describe.each(PLATFORMS)('a shutdown on $name', (platform) => {
  it('is not held up by a request that was refused before its end', async () => {
    const url = await start([], undefined, platform);
    const sent = request(`${url}/events`, { method: 'POST', agent: new Agent({ keepAlive: true }) });
    sent.write('x'.repeat(300_000));
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(413);
    response.resume();
    const began = performance.now();
    const closing = app!.close();
    setTimeout(() => sent.end(), 50);
    await closing;
    app = undefined;
    // An idle connection would be kept for 5 s, or on Fastify 72.
    expect(performance.now() - began).toBeLessThan(4_000);
  });

  it('waits for a handler whose request was answered because another one failed', async () => {
    const ended: string[] = [];
    let finish = (): void => undefined;
    const gate = new Promise<void>((resolve) => (finish = resolve));
    @Injectable()
    class Slow {
      @OnRtcEvent('*')
      async onAny(): Promise<void> {
        await gate;
        ended.push('handled');
      }
      @OnRtcEvent('*')
      fails(): void {
        throw new Error('as planned');
      }
      onModuleDestroy(): void {
        ended.push('destroyed');
      }
    }
    const url = await start([Slow], undefined, platform);
    expect((await postRaw(`${url}/events`, wireEvent())).status).toBe(500);
    const closing = app!.close();
    await new Promise((resolve) => setTimeout(resolve, 50));
    finish();
    await closing;
    app = undefined;
    expect(ended).toEqual(['handled', 'destroyed']);
  });

  it('waits for a handler that is called while it waits already', async () => {
    const ended: string[] = [];
    const pause = () => new Promise((resolve) => setTimeout(resolve, 100));
    @Injectable()
    class Slow {
      @OnRtcEvent('*')
      async onAny(): Promise<void> {
        await pause();
        ended.push('handled');
      }
      onModuleDestroy(): void {
        ended.push('destroyed');
      }
    }
    let isAsked = false;
    const redis = {
      get: async () => {
        isAsked = true;
        await pause();
        return null;
      },
      set: async () => 'OK',
    };
    const events = { ...CALLBACK_OPTIONS.events, acknowledge: 'early' as const, redis };
    const url = await start([Slow], [RtcCallbackModule.forRoot({ appId: APP_ID, events })], platform);
    const answer = postRaw(`${url}/events`, wireEvent());
    await until(() => isAsked);
    await app!.close();
    app = undefined;
    expect([(await answer).status, ended]).toEqual([200, ['handled', 'destroyed']]);
  });

  it('waits for handlers at work, answered early or not, and refuses what comes meanwhile', async () => {
    let finish = (): void => undefined;
    const ended: string[] = [];
    const gate = new Promise<void>((resolve) => (finish = resolve));
    @Injectable()
    class Slow {
      @OnRtcEvent('*')
      async onAny({ id }: RtcCallbackEvent): Promise<void> {
        await gate;
        ended.push(id);
      }
      onApplicationShutdown(): void {
        ended.push('destroyed');
      }
    }
    const early = RtcCallbackModule.forRoot({
      appId: APP_ID,
      events: { ...CALLBACK_OPTIONS.events, acknowledge: 'early' },
    });
    const url = await start([Slow], [early], platform);
    expect((await postRaw(`${url}/events`, wireEvent({ EventId: 'first' }))).status).toBe(200);
    const closing = app!.close();
    await new Promise((resolve) => setTimeout(resolve, 100));
    const late = await postRaw(`${url}/events`, wireEvent());
    expect(late.status).toBe(503);
    finish();
    await closing;
    app = undefined;
    expect(ended).toEqual(['first', 'destroyed']);
  });
});

it('an app without HTTP has no routes, and still issues signatures', async () => {
  const context = await NestFactory.createApplicationContext(RtcCallbackModule.forRoot(CALLBACK_OPTIONS), {
    logger: false,
  });
  const service = context.get<ClientSignatureService>(getClientSignatureToken());
  expect(service.verify(service.issue({ userId: 'alice', expiresInSeconds: 1 })).userId).toBe('alice');
  await context.close();
});

it('a module that is imported without forRoot() fails the boot with what to do', async () => {
  const error = await rejectionOf(Test.createTestingModule({ imports: [RtcCallbackModule] }).compile());
  expect(String(error)).toContain('RtcCallbackModule.forRoot()');
});
