import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import {
  type ClientRequest,
  type IncomingMessage,
  request as httpRequest,
  type ServerResponse,
} from 'node:http';
import { createConnection, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { WebSocket } from 'ws';
import { sendRaw, unicastBody } from '../support/raw-request.js';
import { until } from '../support/until.js';

const MB = 1_048_576;
const NOTHING_DROPPED = {
  requests: 0,
  received: 0,
  accepted: 0,
  deliveries: 0,
  callbacks: 0,
};

describe('an emulator that keeps no more than a megabyte', () => {
  let emulator: RtcEmulator;
  const sockets: (Socket | WebSocket | ClientRequest)[] = [];
  beforeEach(async () => {
    emulator = await RtcEmulator.start({
      keepBytes: MB,
      quota: { requestsPerSecond: Number.POSITIVE_INFINITY },
    });
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) {
      if (socket instanceof WebSocket) socket.terminate();
      else socket.destroy();
    }
    await emulator.close();
  });

  const send = (changes: Record<string, unknown>) => sendRaw(emulator, { body: unicastBody(changes) });
  const get = async (path: string): Promise<{ status: number; body: unknown; next: string | undefined }> => {
    const response = await fetch(new URL(path, emulator.url));
    const [, next] = /^<(.+)>; rel="next"$/.exec(response.headers.get('link') ?? '') ?? [];
    return { status: response.status, body: await response.json(), next };
  };
  /** All pages of a list. */
  const readAll = async <T>(path: string): Promise<T[]> => {
    const items: T[] = [];
    for (let next: string | undefined = `/__emulator${path}`; next !== undefined;) {
      const page = await get(next);
      expect(page.status).toBe(200);
      items.push(...(page.body as T[]));
      next = page.next;
    }
    return items;
  };
  const connect = async (path: string): Promise<WebSocket> => {
    const socket = new WebSocket(`ws${emulator.url.slice(4)}${path}`);
    sockets.push(socket);
    await once(socket, 'open');
    return socket;
  };

  it('says that nothing was dropped as long as nothing was', async () => {
    emulator.room('room-1').join('alice');
    await send({});
    expect(emulator.dropped).toEqual(NOTHING_DROPPED);
    expect((await get('/__emulator/')).body).toMatchObject({ requests: 1, dropped: NOTHING_DROPPED });
  });

  it('drops the oldest requests, refused ones too, and says how many', async () => {
    for (let index = 0; index < 30; index += 1) {
      await sendRaw(emulator, { body: `${index} ${'x'.repeat(20_000)}`, secretAccessKey: 'wrong' });
    }
    const { requests, dropped } = emulator;
    expect(requests.length).toBeGreaterThan(2);
    expect(requests.length + dropped.requests).toBe(30);
    expect(requests.reduce((sum, { body }) => sum + body.length, 0)).toBeLessThan(MB / 8);
    expect(requests.at(-1)?.body.toString()).toMatch(/^29 /);
    expect((await get('/__emulator/')).body).toMatchObject({ dropped: { requests: dropped.requests } });
    emulator.clear();
    expect([emulator.requests, emulator.dropped]).toEqual([[], NOTHING_DROPPED]);
  });

  it('keeps nothing of a request that alone is more than it keeps', async () => {
    await sendRaw(emulator, { body: 'x'.repeat(1_000_000) });
    expect([emulator.requests.length, emulator.dropped.requests]).toEqual([0, 1]);
  });

  it('drops the oldest of what was received, over all participants, and says how much', async () => {
    const [alice, bob] = [emulator.room('room-1').join('alice'), emulator.login('bob')];
    const alone = (name: string): string => name.padEnd(5_000, '.');
    await sendRaw(emulator, {
      query: 'Action=SendUnicast&Version=2023-07-20',
      body: unicastBody({ To: 'bob', RoomId: undefined, Message: alone('for bob') }),
    });
    expect(bob.received).toHaveLength(1);
    for (let index = 0; index < 40; index += 1) await send({ Message: alone(`${index}`) });
    expect(bob.received).toEqual([]);
    expect(alice.received.length).toBeGreaterThan(2);
    expect(alice.received.at(-1)?.message).toBe(alone('39'));
    expect(alice.received.length + emulator.dropped.received).toBe(41);
  });

  it('is not confused by a test that empties the list of what was received', async () => {
    const alice = emulator.room('room-1').join('alice');
    const Message = 'x'.repeat(5_000);
    for (let index = 0; index < 10; index += 1) await send({ Message });
    alice.received.length = 0;
    for (let index = 0; index < 30; index += 1) await send({ Message: `${index} ${Message}` });
    expect(alice.received.at(-1)?.message).toBe(`29 ${Message}`);
    expect(alice.received.length).toBeGreaterThan(2);
  });

  it('forgets rooms that are empty', async () => {
    for (let index = 0; index < 100; index += 1) emulator.room(`room-${index}`).join('alice').leave();
    const stays = emulator.room('room-100').join('bob');
    expect(emulator.rooms.map(({ id }) => id)).toEqual(['room-100']);
    // A room that was asked for before it was empty is the same as one that is asked for later.
    const early = emulator.room('room-0');
    await fetch(`${emulator.url}/__emulator/rooms/room-0/users/carol`, { method: 'PUT' });
    early.join('dave');
    expect(emulator.room('room-0').participants.map(({ userId }) => userId)).toEqual(['carol', 'dave']);
    expect(emulator.room('room-100').participants).toEqual([stays]);
  });

  it('is read in pages that together have everything', async () => {
    const large = await RtcEmulator.start({ quota: { requestsPerSecond: Number.POSITIVE_INFINITY } });
    await emulator.close();
    emulator = large;
    const room = emulator.room('room-1');
    const users = Array.from({ length: 1_300 }, (_none, index) => `u${index}`);
    for (const userId of users) room.join(userId);
    for (const half of [users.slice(0, 600), users.slice(600, 1_200), users.slice(600, 1_200)]) {
      await send({ To: half, Message: 'once' });
      await send({ To: half.slice(0, 2), Message: 'twice' });
    }
    await send({ To: users.slice(0, 600), Message: 'once' });
    expect((await readAll<{ userId: string }>('/duplicates')).map(({ userId }) => userId)).toEqual(
      emulator.accepted.duplicates().map(({ userId }) => userId),
    );
    expect(await readAll('/duplicates')).toHaveLength(1_202);
    expect(await readAll('/requests?limit=2')).toHaveLength(7);
    expect((await get('/__emulator/requests?offset=5&limit=1')).next).toBe(
      '/__emulator/requests?offset=6&limit=1',
    );
    expect(await readAll('/rooms/room-1/users/u0/received?limit=1')).toMatchObject([
      { message: 'once' },
      { message: 'twice' },
      { message: 'once' },
    ]);
    for (const userId of users) emulator.login(userId);
    expect(await readAll('/users')).toEqual(users);
    for (const query of ['offset=-1', 'offset=x', 'limit=0', 'limit=1.5']) {
      expect([query, (await get(`/__emulator/requests?${query}`)).status]).toEqual([query, 400]);
    }
  });

  it('numbers its requests by all that came, so that a page begins where the last one ended', async () => {
    const body = 'x'.repeat(30_000);
    for (let index = 0; index < 10; index += 1) await sendRaw(emulator, { body });
    const { requests } = emulator.dropped;
    const first = await get('/__emulator/requests?limit=1');
    expect(first.next).toBe(`/__emulator/requests?limit=1&offset=${requests + 1}`);
  });

  it.each([
    ['in a room', '/rooms/room-1/users', (name: string) => emulator.room('room-1').join(name)],
    ['logged in', '/users', (name: string) => emulator.login(name)],
  ])(
    'misses no message of a user %s between two pages while older ones are dropped',
    async (where, path, join) => {
      join('alice');
      const sent: string[] = [];
      const put = async (count: number): Promise<void> => {
        for (let index = 0; index < count; index += 1) {
          const Message = `m${sent.push('') - 1}`;
          await (where === 'logged in'
            ? sendRaw(emulator, {
                query: 'Action=SendUnicast&Version=2023-07-20',
                body: unicastBody({ To: 'alice', RoomId: undefined, Message }),
              })
            : send({ Message }));
        }
      };
      const received = `/__emulator${path}/alice/received`;
      await put(100);
      const first = await get(`${received}?limit=50`);
      expect((first.body as { message: string }[]).at(-1)?.message).toBe('m49');
      await put(60);
      expect(emulator.dropped.received).toBeGreaterThan(10);
      const second = await get(`${first.next}`);
      // Those that were dropped in between are missing; none that was kept is.
      expect((second.body as { message: string }[])[0]?.message).toBe(
        `m${Math.max(50, emulator.dropped.received)}`,
      );
      expect((await get(`${received}?limit=1`)).next).toBe(
        `${received}?limit=1&offset=${emulator.dropped.received + 1}`,
      );
      emulator.clear();
      await put(2);
      expect((await get(`${received}?limit=1`)).next).toBe(`${received}?limit=1&offset=1`);
    },
  );

  it('answers with the requests that it keeps, however long their bodies are', async () => {
    const large = await RtcEmulator.start();
    await emulator.close();
    emulator = large;
    for (let index = 0; index < 12; index += 1) {
      await sendRaw(emulator, { body: `${index} ${'\u0001'.repeat(1_000_000)}` });
    }
    const page = await get('/__emulator/requests');
    expect([page.status, page.next]).toEqual([200, '/__emulator/requests?offset=1']);
    expect(await readAll('/requests')).toHaveLength(12);
  });

  it.each([
    ['says how long it is', { 'Content-Length': '5000000' }],
    ['says nothing of it', { 'Transfer-Encoding': 'chunked' }],
  ])('refuses a body that is too long and %s, at once', async (_how, headers) => {
    const request = httpRequest(emulator.url, { method: 'POST', headers });
    sockets.push(request);
    request.on('error', () => {
      // It may still be writing when the connection ends.
    });
    request.write(Buffer.alloc(1_100_000));
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(413);
    expect(emulator.requests).toEqual([]);
  });

  it('disconnects clients that do not read, and keeps those that do', async () => {
    const slow = await connect('/rooms/room-1?userId=slow');
    slow.pause();
    const quick = await connect('/rooms/room-1?userId=quick');
    let read = 0;
    quick.on('message', () => (read += 1));
    const Message = 'x'.repeat(64_000);
    let sent = 0;
    for (; emulator.room('room-1').participant('slow') !== undefined && sent < 2_000; sent += 1) {
      const { status } = await sendRaw(emulator, {
        query: 'Action=SendBroadcast&Version=2023-07-20',
        body: unicastBody({ Message }),
      });
      expect(status).toBe(200);
    }
    expect(sent).toBeLessThan(2_000);
    await until(() => read === sent);
    expect(emulator.room('room-1').participant('quick')).toBeDefined();
  });

  it('does not quote a body that it can not read', async () => {
    const response = await fetch(`${emulator.url}/__emulator/faults`, {
      method: 'PUT',
      body: '{"key": "CANARY',
    });
    expect([response.status, await response.json()]).toEqual([
      400,
      { error: 'The body must be a JSON object.' },
    ]);
  });

  it('distinguishes sockets that have the same port at different addresses', async () => {
    const open = async (localAddress: string, localPort = 0): Promise<Socket> => {
      const { port, hostname: host } = new URL(emulator.url);
      const socket = createConnection({ port: Number(port), host, localAddress, localPort });
      sockets.push(socket);
      await once(socket, 'connect');
      return socket;
    };
    const one = await open('127.0.0.1');
    const other = await open('127.0.0.2', one.localPort);
    const ends: string[] = [];
    const ended = (name: string, socket: Socket): Promise<void> =>
      new Promise((resolve) => {
        socket.on('error', () => ends.push(name));
        socket.on('close', () => resolve());
      });
    const [endOfOne, endOfOther] = [ended('one', one), ended('other', other)];
    emulator.faults.add({ kind: 'reset' });
    one.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}');
    await endOfOne;
    await sleep(20);
    expect(ends).toEqual(['one']);
    // All are ended by close(), though none is done.
    const third = await open('127.0.0.1');
    const fourth = await open('127.0.0.2', third.localPort);
    const rest = [endOfOther, ended('third', third), ended('fourth', fourth)];
    third.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200\r\n\r\n{}');
    await emulator.close();
    await Promise.all(rest);
  });

  it('waits for its port when another has taken it while connections were refused', async () => {
    const port = Number(new URL(emulator.url).port);
    emulator.faults.add({ kind: 'refuse', forMs: 20 });
    const other = await RtcEmulator.start({ port });
    await sleep(100);
    await other.close();
    await until(async () =>
      fetch(`${emulator.url}/__emulator/`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
  });

  it('writes a very long answer no faster than it is read', async () => {
    emulator.faults.add({ kind: 'oversized', bytes: 60_000_000, times: 8, accept: false });
    const responses: ServerResponse[] = [];
    const keep = (message: unknown): void =>
      void responses.push((message as { response: ServerResponse }).response);
    subscribe('http.server.request.start', keep);
    const waiting: IncomingMessage[] = [];
    for (let index = 0; index < 8; index += 1) {
      const request = httpRequest(`${emulator.url}/`, { method: 'POST', agent: false });
      sockets.push(request);
      request.on('error', () => undefined).end('{}');
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      expect(response.headers['content-length']).toBe('60000000');
      waiting.push(response.pause());
    }
    unsubscribe('http.server.request.start', keep);
    expect(waiting).toHaveLength(8);
    const waitingHere = responses.map(({ writableLength }) => writableLength);
    expect(waitingHere).toHaveLength(8);
    expect(Math.max(...waitingHere)).toBeLessThan(MB);
  });
});
