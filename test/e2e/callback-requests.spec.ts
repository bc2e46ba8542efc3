import { afterEach, describe, expect, it } from '@jest/globals';
import { type INestApplication, Injectable, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import express from 'express';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ClientSignatureService,
  OnClientMessage,
  OnRtcEvent,
  type RtcCallbackEvent,
  RtcCallbackModule,
} from 'nestjs-rtc-messaging/callbacks';
import { CALLBACK_OPTIONS, postRaw, wireEvent } from '../support/callback-requests.js';
import { LogLines } from '../support/log-lines.js';
import { PLATFORMS } from '../support/platforms.js';
import { until } from '../support/until.js';

@Injectable()
class Echo {
  calls = 0;

  @OnRtcEvent('*')
  onAny(): void {
    this.calls += 1;
  }

  @OnClientMessage()
  onMessage({ message }: { message: string | Uint8Array }): string | Uint8Array {
    this.calls += 1;
    return message;
  }
}

let app: INestApplication | undefined;
let logger: LogLines;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await app?.close();
  app = undefined;
});

async function start(providers: Type[] = [Echo], platform = PLATFORMS[0]!): Promise<string> {
  logger = new LogLines();
  const imports = [RtcCallbackModule.forRoot(CALLBACK_OPTIONS)];
  const module = await Test.createTestingModule({ imports, providers }).setLogger(logger).compile();
  app = platform.createApp(module);
  await app.listen(0, '127.0.0.1');
  return await app.getUrl();
}

/** Starts an app on an Express with middleware of its own. */
async function startOn(own: express.Express, providers: Type[] = [Echo]): Promise<string> {
  @Module({ imports: [RtcCallbackModule.forRoot(CALLBACK_OPTIONS)], providers })
  class AppModule {}
  logger = new LogLines();
  app = await NestFactory.create(AppModule, new ExpressAdapter(own), { logger });
  await app.listen(0, '127.0.0.1');
  return await app.getUrl();
}

const sign = (): string => app!.get(ClientSignatureService).issue({ userId: 'alice', expiresInSeconds: 60 });
const say = (url: string, message: unknown) => postRaw(`${url}/messages`, { message, signature: sign() });

/** Begins a request whose body does not end. */
async function begin(url: string, path: string, head: string, body: string | Buffer): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => undefined).resume();
  await once(socket, 'connect');
  socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\n${head}\r\n\r\n`);
  if (!socket.write(body)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
  return socket;
}

describe.each(PLATFORMS)('a request on $name', (platform) => {
  it('that does not end has its connection cut after five seconds, and is answered 413 if it is too long', async () => {
    const url = await start([Echo], platform);
    const socket = await begin(url, '/events', 'Content-Length: 9', '{');
    const began = performance.now();
    const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
    const endless = await begin(url, '/events', 'Transfer-Encoding: chunked', chunk.repeat(5));
    let answer = '';
    endless.on('data', (data) => (answer += String(data)));
    const writing = setInterval(() => endless.write(chunk), 100);
    await until(() => socket.destroyed);
    expect(performance.now() - began).toBeGreaterThan(3_000);
    await until(() => answer.startsWith('HTTP/1.1 413'));
    await until(() => endless.destroyed);
    clearInterval(writing);
    expect(logger.lines.filter((line) => line.includes('its body broke off'))).toHaveLength(1);
    expect((await postRaw(`${url}/events`, wireEvent())).status).toBe(200);
  });

  it('with text that is no UTF-8 is refused', async () => {
    const url = await start([Echo], platform);
    const json = JSON.stringify({ message: '~', signature: sign() });
    const [before = '', after = ''] = json.split('~');
    const bytes = Buffer.concat([Buffer.from(before), Buffer.from([0xff, 0xc3]), Buffer.from(after)]);
    expect((await postRaw(`${url}/messages`, bytes)).status).toBe(400);
    expect(app!.get(Echo).calls).toBe(0);
    expect(await say(url, '\u{1f600}')).toMatchObject({ status: 200, text: '\u{1f600}' });
  });

  it('is served at the path as it is written, and at no other', async () => {
    const url = await start([Echo], platform);
    for (const path of ['/Events', '/events/', '/events/x', '//events', '/%65vents']) {
      expect([path, (await postRaw(url + path, wireEvent())).status]).toEqual([path, 404]);
    }
    expect((await fetch(`${url}/events`)).status).toBe(404);
    expect((await postRaw(`${url}/events?token=x`, wireEvent())).status).toBe(200);
  });
});

describe('requests whose senders are not known yet', () => {
  it('have their oldest connections cut beyond 32 MB of bodies that have not ended', async () => {
    const url = await start();
    const body = Buffer.alloc(262_143, 'a');
    const opened: Socket[] = [];
    for (let n = 0; n < 160; n++) opened.push(await begin(url, '/messages', 'Content-Length: 262144', body));
    await until(() => opened.filter(({ destroyed }) => destroyed).length >= 30);
    expect(opened[0]!.destroyed).toBe(true);
    expect(opened.at(-1)!.destroyed).toBe(false);
    expect((await say(url, 'x'.repeat(60_000))).status).toBe(200);
  });
});

describe("an Express of the app's own", () => {
  it('may answer first: the process lives on', async () => {
    const own = express();
    own.use((_request, response, next) => {
      setTimeout(() => response.headersSent || response.status(503).end('timeout'), 50);
      next();
    });
    @Injectable()
    class Slow {
      @OnRtcEvent('*')
      async onAny(): Promise<void> {
        await sleep(150);
      }
    }
    const url = await startOn(own, [Slow]);
    expect((await postRaw(`${url}/events`, wireEvent())).status).toBe(503);
    await until(() => logger.lines.some((line) => line.includes('failed to answer')));
    expect((await postRaw(`${url}/events`, wireEvent())).status).toBe(503);
  });
});

describe.each(PLATFORMS)('the end of an app on $name', (platform) => {
  it("waits for handlers before anything of the app's is destroyed, and takes nothing more", async () => {
    const order: string[] = [];
    @Injectable()
    class Attendance {
      @OnRtcEvent('*')
      async onAny({ id }: RtcCallbackEvent): Promise<void> {
        order.push(`${id} begins`);
        await sleep(400);
        order.push(`${id} ends`);
      }
      async onModuleDestroy(): Promise<void> {
        order.push('destroyed');
        await sleep(300);
      }
    }
    const url = await start([Attendance], platform);
    const first = postRaw(`${url}/events`, wireEvent({ EventId: 'first' }));
    await until(() => order.length === 1);
    const closing = app!.close();
    const second = postRaw(`${url}/events`, wireEvent({ EventId: 'second' }));
    await until(() => order.includes('destroyed'));
    const third = postRaw(`${url}/events`, wireEvent({ EventId: 'third' }));
    const statuses = (await Promise.all([first, second, third])).map(({ status }) => status);
    expect(statuses).toEqual([200, 503, 503]);
    await closing;
    expect(order).toEqual(['first begins', 'first ends', 'destroyed']);
  });

  it('answers a request though another one behind it on its connection has no end', async () => {
    @Injectable()
    class Slow {
      @OnRtcEvent('*')
      async onAny(): Promise<void> {
        await sleep(300);
      }
    }
    const url = await start([Slow], platform);
    const event = JSON.stringify(wireEvent());
    const unfinished = 'POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{';
    const socket = await begin(url, '/events', `Content-Length: ${event.length}`, event + unfinished);
    let answer = '';
    socket.on('data', (data) => (answer += String(data)));
    await sleep(100);
    await app!.close();
    expect(answer).toMatch(/^HTTP\/1.1 200/);
  });
});

it('a handler that hangs fails its message after eight seconds', async () => {
  let goOn = (): void => undefined;
  @Injectable()
  class Hangs {
    @OnClientMessage()
    async onMessage(): Promise<void> {
      await new Promise<void>((resolve) => (goOn = resolve));
    }
  }
  const url = await start([Hangs]);
  expect((await say(url, 'hello')).status).toBe(500);
  // The end of the app would wait for it.
  goOn();
});
