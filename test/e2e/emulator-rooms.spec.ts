import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createConnection } from 'node:net';
import { text } from 'node:stream/consumers';
import { type Participant, RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { WebSocket } from 'ws';
import { rejectionOf } from '../support/rejection.js';
import { sendRaw, unicastBody } from '../support/raw-request.js';
import { until } from '../support/until.js';

describe('a room of the emulator', () => {
  let emulator: RtcEmulator;
  beforeEach(async () => {
    emulator = await RtcEmulator.start();
  });
  afterEach(() => emulator.close());

  const connect = async (path: string): Promise<WebSocket> => {
    const socket = new WebSocket(`ws${emulator.url.slice(4)}${path}`);
    await once(socket, 'open');
    return socket;
  };
  const send = (changes: Record<string, unknown>) => sendRaw(emulator, { body: unicastBody(changes) });

  it('delivers to its users, and to no one else', async () => {
    const alice = emulator.room('room-1').join('alice');
    const bob = emulator.room('room-1').join('bob');
    const elsewhere = emulator.room('room-2').join('alice');
    const carol = emulator.room('room-1').join('carol');
    carol.leave();
    await send({ To: ['alice', 'carol', 'nobody'] });
    expect(alice.received).toMatchObject([
      { event: 'onUserMessageReceived', from: 'server', message: 'hello' },
    ]);
    expect([bob, elsewhere, carol].map(({ received }) => received)).toEqual([[], [], []]);
  });

  it("calls listeners under the names of the client SDK's callbacks", async () => {
    const alice = emulator.room('room-1').join('alice');
    const calls: unknown[][] = [];
    alice.on('onUserMessageReceived', (...call) => calls.push(['text', ...call]));
    alice.on('onUserBinaryMessageReceived', (...call) => calls.push(['binary', ...call]));
    await send({});
    await send({ Binary: true, Message: 'AQI=' });
    expect(calls).toEqual([
      ['text', 'server', 'hello'],
      ['binary', 'server', new Uint8Array([1, 2])],
    ]);
  });

  it('delivers to everyone whatever a listener throws, and surfaces each error', async () => {
    const surfaced: unknown[] = [];
    const spy = jest.spyOn(Promise, 'reject').mockImplementation((error) => {
      surfaced.push(error);
      return new Promise<never>(() => undefined);
    });
    const [alice, bob] = [emulator.room('room-1').join('alice'), emulator.room('room-1').join('bob')];
    const heard: string[] = [];
    alice.on('onUserMessageReceived', () => {
      throw new Error('the first');
    });
    alice.on('received', () => {
      throw new Error('the second');
    });
    alice.on('left', () => {
      throw new Error('the third');
    });
    bob.on('received', () => heard.push('bob'));
    expect((await send({ To: ['alice', 'bob'] })).status).toBe(200);
    expect([alice.received.length, bob.received.length, emulator.deliveries.total]).toEqual([1, 1, 2]);
    expect(emulator.requests).toMatchObject([{ outcome: 'accepted', httpStatus: 200 }]);
    expect(heard).toEqual(['bob']);
    // Who takes another's place does so, whatever the other's listeners do.
    const second = emulator.room('room-1').join('alice');
    expect(emulator.room('room-1').participant('alice')).toBe(second);
    spy.mockRestore();
    expect(surfaced).toEqual([new Error('the first'), new Error('the second'), new Error('the third')]);
  });

  it('delivers to everyone whatever `loses` throws, and surfaces the error', async () => {
    const surfaced: unknown[] = [];
    const spy = jest.spyOn(Promise, 'reject').mockImplementation((error) => {
      surfaced.push(error);
      return new Promise<never>(() => undefined);
    });
    const loses = (): never => {
      throw new Error('of the test');
    };
    const room = emulator.room('room-1');
    const users = [room.join('alice'), room.join('bob', { receiver: { loses } }), room.join('carol')];
    const { status } = await send({ To: ['alice', 'bob', 'carol'] });
    spy.mockRestore();
    expect(status).toBe(200);
    expect(users.map(({ received }) => received.length)).toEqual([1, 1, 1]);
    expect([emulator.accepted.total, emulator.deliveries.total]).toEqual([3, 3]);
    expect(emulator.requests).toMatchObject([{ outcome: 'accepted', httpStatus: 200 }]);
    expect(surfaced).toEqual([new Error('of the test')]);
  });

  it('delivers to users who are in it at the time of delivery, and counts no others', async () => {
    const [alice, bob] = [emulator.room('room-1').join('alice'), emulator.room('room-1').join('bob')];
    alice.once('received', () => {
      bob.leave();
      emulator.room('room-1').join('carol');
    });
    await send({ To: ['alice', 'bob', 'carol', 'alice'] });
    const carol = emulator.room('room-1').participant('carol');
    expect([alice, bob, carol].map((who) => who?.received.length)).toEqual([2, 0, 0]);
    expect([emulator.accepted.total, emulator.deliveries.total]).toEqual([4, 2]);
    expect(emulator.deliveries.count('bob', 'hello')).toBe(0);
  });

  it('removes a user when another joins under the same ID', async () => {
    const first = emulator.room('room-1').join('alice');
    const left = once(first, 'left');
    const second = emulator.room('room-1').join('alice');
    await left;
    first.leave(); // Once more does no harm to the second.
    await send({});
    expect([first.received.length, second.received.length]).toEqual([0, 1]);
  });

  it('has one user under an ID, also where the one who is put out joins again at once', async () => {
    const room = emulator.room('room-1');
    const first = room.join('alice');
    const left: string[] = [];
    let again: Participant | undefined;
    first.once('left', () => (again = room.join('alice').on('left', () => left.push('again'))));
    const second = room.join('alice').on('left', () => left.push('second'));
    // Whoever comes last stays.
    expect(room.participants).toEqual([again]);
    second.leave();
    expect(room.participant('alice')).toBe(again);
    again?.leave();
    expect(left).toEqual(['again']);
    expect(emulator.rooms).toEqual([]);
  });

  it('is not created by sending to it, nor by a lookup', async () => {
    await send({ RoomId: 'nobody-was-ever-here' });
    await fetch(`${emulator.url}/__emulator/rooms/nor-here/users/alice/received`);
    expect(emulator.rooms).toEqual([]);
    expect(emulator.accepted.count('alice', 'hello')).toBe(1);
  });

  it('delivers to users in it, and reports what was sent to others separately', async () => {
    emulator.room('room-1').join('alice');
    emulator.room('room-1').join('gone').leave();
    await send({ To: ['alice', 'gone', 'nobody', 'alice'] });
    const counted = ({ accepted, deliveries }: RtcEmulator): [number, number][] =>
      ['alice', 'gone', 'nobody'].map((userId) => [
        accepted.count(userId, 'hello'),
        deliveries.count(userId, 'hello'),
      ]);
    expect(counted(emulator)).toEqual([
      [2, 2],
      [1, 0],
      [1, 0],
    ]);
    expect([emulator.accepted.total, emulator.deliveries.total]).toEqual([4, 2]);
    await send({ To: ['gone'] });
    expect(emulator.accepted.duplicates().map(({ userId }) => userId)).toEqual(['alice', 'gone']);
    expect(emulator.deliveries.duplicates().map(({ userId }) => userId)).toEqual(['alice']);
  });

  it('passes on the message ID of native clients, another one for each send', async () => {
    const [alice, bob] = [emulator.room('room-1').join('alice'), emulator.room('room-1').join('bob')];
    await send({ To: ['alice', 'bob'] });
    await send({ To: ['alice', 'bob'] });
    const numbers = alice.received.map(({ msgid }) => msgid);
    expect(numbers.every(Number.isSafeInteger)).toBe(true);
    expect(new Set(numbers).size).toBe(2);
    expect(bob.received.map(({ msgid }) => msgid)).toEqual(numbers);
  });

  it.each(['', 'a b', 'r'.repeat(129)])('refuses the ID "%s"', (id) => {
    expect(() => emulator.room(id)).toThrow(TypeError);
    expect(() => emulator.room('room-1').join(id)).toThrow(/^userId: /);
  });

  describe('over WebSocket', () => {
    it('delivers text and binary as JSON for as long as the connection lasts', async () => {
      const socket = await connect('/rooms/room-1?userId=alice');
      const messages: unknown[] = [];
      socket.on('message', (data) => messages.push(JSON.parse(String(data))));
      await send({});
      const arrived = once(socket, 'message');
      await send({ Binary: true, Message: 'AQI=' });
      await arrived;
      if (messages.length < 2) await once(socket, 'message');
      expect(messages).toEqual([
        {
          event: 'onUserMessageReceived',
          from: 'server',
          message: 'hello',
          at: expect.any(String),
          msgid: expect.any(Number),
        },
        {
          event: 'onUserBinaryMessageReceived',
          from: 'server',
          message: 'AQI=',
          at: expect.any(String),
          msgid: expect.any(Number),
        },
      ]);
      const alice = emulator.room('room-1').participant('alice')!;
      const left = once(alice, 'left');
      socket.close();
      await left;
      expect(emulator.room('room-1').participants).toEqual([]);
      expect(alice.received).toHaveLength(2);
      await until(() => alice.listenerCount('received') + alice.listenerCount('left') === 0);
    });

    it('keeps the users of the room when a handshake fails', async () => {
      const alice = emulator.room('room-1').join('alice');
      const answer = await fetch(`${emulator.url}/rooms/room-1?userId=alice`).catch(() => undefined);
      const { port } = new URL(emulator.url);
      const socket = createConnection(Number(port), '127.0.0.1');
      socket.end(
        'GET /rooms/room-1?userId=alice HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
      );
      const [refusal] = (await once(socket, 'data')) as [Buffer];
      expect(answer?.status).toBe(400);
      expect(refusal.toString()).toContain('HTTP/1.1 400');
      expect(emulator.room('room-1').participant('alice')).toBe(alice);
    });

    it.each([
      // As clients send it that resolve dots in a path, …
      ['/rooms/%252E%252E?userId=.', '..'],
      ['/rooms/%252e?userId=..', '.'],
      // … which are no others' names: nothing else is decoded twice.
      ['/rooms/%40%2E%2E?userId=..', '@..'],
    ])('has rooms and users whose IDs are dots: %s', async (path, roomId) => {
      const socket = await connect(path);
      const [room] = emulator.rooms;
      expect([room!.id, room!.participants.length]).toEqual([roomId, 1]);
      const arrival = once(socket, 'message');
      await send({ RoomId: roomId, To: [room!.participants[0]!.userId] });
      expect(JSON.parse(String((await arrival)[0]))).toMatchObject({ message: 'hello' });
      socket.close();
    });

    it.each(['/rooms/..', '/rooms/%2E%2e', '/rooms/.'])(
      'joins the room that a client names which sends %s as it is',
      async (path) => {
        const { host } = new URL(emulator.url);
        const socket = createConnection(Number(host.split(':')[1]), '127.0.0.1');
        socket.write(
          `GET ${path}?userId=alice HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
            'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
        );
        const [head] = (await once(socket, 'data')) as [Buffer];
        expect(String(head)).toMatch(/^HTTP\/1\.1 101 /);
        expect(emulator.rooms.map(({ id }) => id)).toEqual([decodeURIComponent(path.slice(7))]);
        socket.destroy();
      },
    );

    it.each([
      ['/rooms/a%2525b?userId=alice', 'roomId: "a%25b" contains % (U+0025)'],
      ['/rooms/%zz?userId=alice', 'the path holds an ID that is not percent-encoded UTF-8'],
      ['/rooms/..?userId=alice', 'write the dots as %252E'],
    ])('explains what is wrong with %s', async (path, words) => {
      const socket = new WebSocket(`ws${emulator.url.slice(4)}${path}`);
      const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
      expect(response.statusCode).toBe(400);
      expect(await text(response)).toContain(words);
      expect(emulator.rooms).toEqual([]);
    });

    it('closes when another takes the place', async () => {
      const socket = await connect('/rooms/room-1?userId=alice');
      const closed = once(socket, 'close');
      emulator.room('room-1').join('alice');
      expect((await closed)[0]).toBe(4_001);
    });

    it.each([
      '/rooms/room-1',
      '/rooms/room-1?userId=a%20b',
      '/rooms/a%20b?userId=alice',
      '/rooms/%E0%A4%A?userId=a',
      '/other',
    ])('refuses %s', async (path) => {
      const error = await rejectionOf(connect(path));
      expect(error.message).toContain('400');
      expect(emulator.rooms.flatMap(({ participants }) => participants)).toEqual([]);
    });

    it('is no reason to wait when a refused client keeps its side open', async () => {
      const socket = createConnection({
        port: Number(new URL(emulator.url).port),
        host: '127.0.0.1',
        allowHalfOpen: true,
      });
      socket.write(
        'GET /nope HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
      );
      await once(socket, 'data');
      await emulator.close();
      socket.destroy();
    });

    it('ends with the emulator', async () => {
      const socket = await connect('/rooms/room-1?userId=alice');
      const closed = once(socket, 'close');
      await emulator.close();
      await closed;
    });
  });

  describe('over the control API', () => {
    it.each([
      ['/users/alice', { invisible: 'x' }, 'invisible: must be true or false'],
      ['/users/alice', { bogus: 'x' }, 'bogus: is not an option; there are token, invisible'],
      ['/users/alice', { token: 7 }, 'token: must be a string'],
      ['/rooms/%E0%A4%A/users/a', {}, 'the path holds an ID that is not percent-encoded UTF-8'],
    ])('refuses PUT %s with %j', async (path, body, error) => {
      expect(await control('PUT', path, body)).toEqual([400, { error }]);
    });

    const control = async (method: string, path: string, body?: unknown): Promise<[number, unknown]> => {
      const response = await fetch(`${emulator.url}/__emulator${path}`, {
        method,
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      return [response.status, await response.json()];
    };

    it('is joined, looked into and left', async () => {
      expect(await control('PUT', '/rooms/room-1/users/alice')).toEqual([
        200,
        { roomId: 'room-1', userId: 'alice' },
      ]);
      await send({});
      await send({ Binary: true, Message: 'AQI=' });
      expect(await control('GET', '/rooms')).toEqual([200, [{ id: 'room-1', users: ['alice'] }]]);
      expect(await control('GET', '/rooms/room-1/users/alice/received')).toEqual([
        200,
        [
          {
            event: 'onUserMessageReceived',
            from: 'server',
            message: 'hello',
            at: expect.any(String),
            msgid: expect.any(Number),
          },
          {
            event: 'onUserBinaryMessageReceived',
            from: 'server',
            message: 'AQI=',
            at: expect.any(String),
            msgid: expect.any(Number),
          },
        ],
      ]);
      expect((await control('DELETE', '/rooms/room-1/users/alice'))[0]).toBe(200);
      expect(await control('GET', '/rooms')).toEqual([200, []]);
      expect((await control('GET', '/rooms/room-1/users/alice/received'))[0]).toBe(404);
      expect((await control('DELETE', '/rooms/room-1/users/alice'))[0]).toBe(404);
    });

    it('has rooms and users whose IDs are dots', async () => {
      expect(await control('PUT', '/rooms/%252E%252E/users/%252E')).toEqual([
        200,
        { roomId: '..', userId: '.' },
      ]);
      await send({ RoomId: '..', To: ['.'] });
      const [, received] = await control('GET', '/rooms/%252e%252e/users/%252e/received');
      expect(received).toMatchObject([{ message: 'hello' }]);
      expect((await control('DELETE', '/rooms/%252E%252E/users/%252E'))[0]).toBe(200);
      expect(await control('PUT', '/users/%252E%252E')).toEqual([200, { userId: '..' }]);
      expect(await control('GET', '/users')).toEqual([200, ['..']]);
    });

    it('lists deliveries and duplicates, and forgets them', async () => {
      await send({});
      await send({});
      const [, requests] = await control('GET', '/requests');
      expect(requests).toMatchObject([{ outcome: 'accepted', body: unicastBody() }, { outcome: 'accepted' }]);
      expect(await control('GET', '/duplicates')).toMatchObject([200, [{ userId: 'alice', times: 2 }]]);
      expect(await control('GET', '/')).toMatchObject([
        200,
        { appId: 'emulator-app', requests: 2, accepted: 2, deliveries: 0, duplicates: 1 },
      ]);
      await control('DELETE', '/record');
      expect(await control('GET', '/duplicates')).toEqual([200, []]);
      expect(emulator.requests).toEqual([]);
    });

    it('sets the clock', async () => {
      expect(await control('PUT', '/clock', { offsetMs: 3_600_000 })).toEqual([200, { offsetMs: 3_600_000 }]);
      expect(emulator.clock.now() - Date.now()).toBeGreaterThan(3_500_000);
      expect((await control('PUT', '/clock', { offsetMs: 'later' }))[0]).toBe(400);
      expect((await control('PUT', '/clock'))[0]).toBe(400);
      expect((await control('PUT', '/clock', { offsetMs: 1e300 }))[0]).toBe(400);
      expect(await control('PUT', '/clock', { offset: 1 })).toEqual([
        400,
        {
          error: expect.stringMatching(
            /offset: is not an option; did you mean offsetMs\?.*offsetMs: is missing/,
          ),
        },
      ]);
      expect((await control('PUT', '/faults', { faults: [], rules: [] }))[0]).toBe(400);
      expect(await control('PUT', '/faults', { faults: [{ kind: 'reset' }, { kind: 'none' }] })).toEqual([
        400,
        { error: expect.stringMatching(/^faults\[1\]: /) },
      ]);
    });

    it.each([
      ['GET', '/nothing', 404],
      ['POST', '/clock', 404],
      ['PUT', '/rooms/a%20b/users/alice', 400],
      ['GET', '/rooms/room-1/users/nobody/received', 404],
    ])('answers %s %s with %d', async (method, path, status) => {
      const [answered, body] = await control(method, path);
      expect(answered).toBe(status);
      expect(body).toEqual({ error: expect.any(String) });
    });
  });

  it('names an address that can be sent to when it listens on all', async () => {
    const wide = await RtcEmulator.start({ host: '0.0.0.0' });
    expect(wide.moduleOptions().endpoint).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    await wide.close();
  });

  it('has options that are checked', async () => {
    for (const [options, words] of [
      [{ port: -1 }, 'port: must be a port'],
      [{ keepBytes: 1_048_575 }, 'keepBytes: must be a whole number from 1048576'],
      [{ keepBytes: Number.NaN }, 'keepBytes: must be'],
      [{ prot: 1 }, 'prot: is not an option; did you mean port?'],
      [{ port: -1, from: '' }, 'port: must be a port from 0 to 65535, got -1; from: is empty'],
      // What the module would refuse, too.
      [{ appId: 'a b' }, 'appId: must be 1–128 characters without white space'],
      [{ appKey: 'a b' }, 'appKey: must be 1–128 printable ASCII'],
      [{ from: 'a b' }, 'from: "a b" contains a space'],
      [{ credentials: { accessKeyId: 'key' } }, 'credentials: must be { accessKeyId, secretAccessKey }'],
      [{ accounts: [{ appIds: ['app'] }] }, 'accounts: must be a list of { credentials, appIds }'],
      [{ callbacks: {} }, 'callbacks.url: is missing'],
      [{ callbacks: 'http://127.0.0.1/' }, 'callbacks: must be an object, got a string'],
      [
        { callbacks: { url: 'http://127.0.0.1/', secret: '' } },
        'callbacks.secret: must have 1 to 1024 characters',
      ],
      [{ tls: {} }, 'tls: key and cert must be PEM texts'],
    ] as const) {
      const error = await rejectionOf(RtcEmulator.start(options as never));
      expect(error.message).toContain(words);
    }
    const taken = await rejectionOf(RtcEmulator.start({ port: Number(new URL(emulator.url).port) }));
    expect(taken.message).toContain('EADDRINUSE');
  });
});
