import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { WebSocket } from 'ws';
import { isSignedWith, startBusinessServer } from '../support/business-server.js';
import { listen } from '../support/scripted-server.js';
import { until } from '../support/until.js';

type BusinessServer = Awaited<ReturnType<typeof startBusinessServer>>;

const SECRET = 'a secret of the app';

let emulator: RtcEmulator;
let app: BusinessServer;
beforeEach(async () => {
  emulator = await RtcEmulator.start();
  app = await startBusinessServer();
});
afterEach(async () => {
  await emulator.close();
  await app.close();
});

const register = (url = `${app.url}/rtc/events`): void =>
  emulator.callbacks.register({ url, secret: SECRET });
/** Replaces the server by one that answers in another way. */
const answerWith = async (...answer: Parameters<typeof startBusinessServer>): Promise<void> => {
  await app.close();
  app = await startBusinessServer(...answer);
  register();
};

describe('an event of a room', () => {
  it('has the fields of the vendor, all of them strings, and a signature of the registered secret', async () => {
    register();
    emulator.room('room-1').join('alice');
    await emulator.callbacks.idle();
    expect(app.stories).toEqual(['RoomCreate', 'UserJoinRoom alice']);
    const [, join = {}] = app.events;
    const { EventData = '', ...rest } = join;
    expect(rest).toEqual({
      EventType: 'UserJoinRoom',
      EventTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/),
      EventId: expect.stringMatching(/^[\da-f-]{36}$/),
      AppId: 'emulator-app',
      Version: '2020-12-01',
      Nonce: expect.stringMatching(/^\d{4}$/),
      Signature: expect.stringMatching(/^[\da-f]{64}$/),
    });
    expect(JSON.parse(EventData)).toEqual({
      RoomId: 'room-1',
      UserId: 'alice',
      DeviceType: 'web',
      Timestamp: Date.parse(rest['EventTime']!),
    });
    expect(app.events.map((event) => isSignedWith(SECRET, event))).toEqual([true, true]);
    expect(app.received[0]).toMatchObject({
      method: 'POST',
      url: '/rtc/events',
      headers: { 'content-type': 'application/json' },
    });
  });

  it('is told in the order in which things happen, with the reason of each leave', async () => {
    register();
    const room = emulator.room('room-1');
    room.join('alice');
    room.join('alice');
    room.join('ghost', { invisible: true }).leave('connectionLost');
    room.participant('alice')?.leave();
    await emulator.callbacks.idle();
    expect(app.stories).toEqual([
      'RoomCreate',
      'UserJoinRoom alice',
      'UserLeaveRoom alice',
      'UserJoinRoom alice',
      'InvisibleUserJoinRoom ghost',
      'InvisibleUserLeaveRoom ghost',
      'UserLeaveRoom alice',
      'RoomDestroy',
    ]);
    const reasons = app.events.map(
      ({ EventData = '' }) => (JSON.parse(EventData) as { Reason?: string }).Reason,
    );
    expect(reasons.filter((reason) => reason !== undefined)).toEqual([
      'duplicateLogin',
      'connectionLost',
      'userLeave',
    ]);
    expect(new Set(app.events.map(({ EventId }) => EventId)).size).toBe(8);
  });

  it('keeps the order over many users and connections', async () => {
    register();
    const users = Array.from({ length: 300 }, (_, index) => `u${index}`);
    for (const user of users) emulator.room('room-1').join(user);
    await emulator.callbacks.idle();
    expect(app.stories).toEqual(['RoomCreate', ...users.map((user) => `UserJoinRoom ${user}`)]);
    expect(app.connections.length).toBeGreaterThan(1);
  });

  it('is told of clients over WebSocket, and of one whose connection broke', async () => {
    register();
    const sockets = ['alice', 'bob'].map(
      (user) => new WebSocket(`ws${emulator.url.slice(4)}/rooms/room-1?userId=${user}`),
    );
    await Promise.all(sockets.map((socket) => once(socket, 'open')));
    sockets[0]!.close();
    await until(() => emulator.room('room-1').participants.length === 1);
    sockets[1]!.terminate();
    await until(() => emulator.room('room-1').participants.length === 0);
    await emulator.callbacks.idle();
    const leaves = app.events.filter(({ EventType }) => EventType === 'UserLeaveRoom');
    expect(leaves.map(({ EventData = '' }) => (JSON.parse(EventData) as { Reason: string }).Reason)).toEqual([
      'userLeave',
      'connectionLost',
    ]);
  });

  it("has the time of the emulator's clock", async () => {
    register();
    emulator.clock.offsetMs = -3_600_000;
    emulator.room('room-1').join('alice');
    await emulator.callbacks.idle();
    const behind = Date.now() - Date.parse(app.events[0]!['EventTime']!);
    expect(Math.abs(behind - 3_600_000)).toBeLessThan(10_000);
  });

  it('is not told of users outside of rooms, nor without a URL, nor after it was taken away', async () => {
    emulator.room('room-1').join('alice');
    register();
    emulator.login('bob').leave();
    emulator.callbacks.unregister();
    emulator.room('room-1').join('carol');
    await emulator.callbacks.idle();
    expect([app.received, emulator.callbacks.sent, emulator.callbacks.url]).toEqual([[], [], undefined]);
  });

  it('is told to the URL that the emulator was started with', async () => {
    await emulator.close();
    emulator = await RtcEmulator.start({ callbacks: { url: `${app.url}/events?key=geheim&page=1` } });
    emulator.room('room-1').join('alice');
    await emulator.callbacks.idle();
    expect(app.events.map((event) => isSignedWith('emulator-callback-secret', event))).toEqual([true, true]);
    expect(app.received[0]?.url).toBe('/events?key=geheim&page=1');
    expect(emulator.callbacks.url).toBe(`${app.url}/events?key=geheim&page=1`);
  });

  it.each([
    [undefined, 'callback: must be an object, got nothing'],
    [{}, 'url: is missing'],
    [{ url: 'nope' }, 'url: must be a URL over http: or https:'],
    [{ url: 'http://127.0.0.1/', secret: '' }, 'secret: must have 1 to 1024 characters'],
  ])('is not told to what can not be used: %j', (callback, problem) => {
    register();
    expect(() => emulator.callbacks.register(callback as never)).toThrow(problem);
    expect(emulator.callbacks.url).toBe(`${app.url}/rtc/events`);
  });

  it('is told three times where it is not answered 200, each time the same', async () => {
    await answerWith((response, _request, index) => {
      response.statusCode = [500, 302, 201, 200][index] ?? 200;
      response.setHeader('Location', `${app.url}/elsewhere`);
      response.end(`answer ${index}`);
    });
    emulator.room('room-1').join('alice');
    await emulator.callbacks.idle();
    expect(app.stories.filter((story) => story === 'RoomCreate').length).toBeGreaterThan(1);
    const [ofRoom, ofUser] = ['RoomCreate', 'UserJoinRoom'].map((type) =>
      emulator.callbacks.sent.find(({ action }) => action === type),
    );
    const all = [...ofRoom!.attempts, ...ofUser!.attempts];
    expect(all.map(({ httpStatus }) => httpStatus).sort()).toEqual([200, 200, 201, 302, 500]);
    expect(all[0]).toMatchObject({ answer: expect.stringMatching(/^answer \d$/), failure: undefined });
    expect(app.received.every(({ url }) => url === '/rtc/events')).toBe(true);
    const bodies = app.received.map(({ body }) => body).filter((body) => body.includes('UserJoinRoom'));
    expect(new Set(bodies).size).toBe(1);
  });

  it('is given up after three tries', async () => {
    await answerWith((response) => response.writeHead(503).end('not now'));
    emulator.room('room-1').join('alice');
    await emulator.callbacks.idle();
    expect(app.received).toHaveLength(6);
    expect(emulator.callbacks.sent.map(({ outcome, attempts }) => [outcome, attempts.length])).toEqual([
      ['failed', 3],
      ['failed', 3],
    ]);
  });

  it('is told again where the answer does not come within five seconds', async () => {
    const began = performance.now();
    const times: number[] = [];
    await answerWith((response, _request, index) => {
      times.push(performance.now() - began);
      // One has no answer, the other half of one.
      if (index === 1) response.writeHead(200).write('half');
      if (index > 1) response.end();
    });
    emulator.room('room-1').join('alice');
    await emulator.callbacks.idle();
    expect(times[2]! - times[0]!).toBeGreaterThan(4_900);
    const failure = 'no answer within 5000 ms';
    const [none, half] = ['RoomCreate', 'UserJoinRoom'].map(
      (type) => emulator.callbacks.sent.find(({ action }) => action === type)?.attempts,
    );
    expect([none, half]).toMatchObject([
      [{ httpStatus: undefined, failure }, { httpStatus: 200 }],
      [
        { httpStatus: 200, answer: undefined, failure },
        { httpStatus: 200, answer: '' },
      ],
    ]);
  });

  it('is told again where the answer is too long, though its status is 200', async () => {
    await answerWith((response) => response.end('x'.repeat(65_537)));
    emulator.room('room-1').join('alice');
    await emulator.callbacks.idle();
    expect(app.received).toHaveLength(6);
    const failed = { httpStatus: 200, failure: 'an answer of more than 65536 bytes' };
    expect(emulator.callbacks.sent[0]).toMatchObject({
      outcome: 'failed',
      attempts: [failed, failed, failed],
    });
  });

  it('is not held up by a server that does not answer others', async () => {
    await answerWith((response, { body }) => {
      if (!body.includes('slow')) response.end();
    });
    for (const user of ['slow', 'alice', 'bob']) emulator.room('room-1').join(user);
    await until(() => emulator.callbacks.sent.length === 3);
    expect(app.stories.slice(0, 4)).toEqual([
      'RoomCreate',
      'UserJoinRoom slow',
      'UserJoinRoom alice',
      'UserJoinRoom bob',
    ]);
  });

  it('is recorded without the signature and without secrets of the URL', async () => {
    register(`${app.url}/events?token=geheim`);
    emulator.room('room-1').join('alice');
    await emulator.callbacks.idle();
    expect(emulator.callbacks.sent[1]).toEqual({
      action: 'UserJoinRoom',
      at: expect.any(Date),
      roomId: 'room-1',
      userId: 'alice',
      url: `${app.url}/events?token=(withheld)`,
      body: { ...app.events[1], Signature: '(withheld)' },
      attempts: [{ elapsedMs: expect.any(Number), httpStatus: 200, answer: '', failure: undefined }],
      outcome: 'delivered',
    });
  });

  it('says what kept it from arriving', async () => {
    const closed = await listen(createServer());
    await closed.close();
    register(`http://127.0.0.1:${closed.port}/`);
    emulator.room('room-1').join('alice');
    await emulator.callbacks.idle();
    expect(emulator.callbacks.sent[0]).toMatchObject({
      outcome: 'failed',
      attempts: Array.from({ length: 3 }, () => ({ httpStatus: undefined, failure: 'ECONNREFUSED' })),
    });
  });

  it('fails where the answer changes the protocol, and holds up no close', async () => {
    const server = createServer((socket) =>
      socket.once('data', () =>
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'),
      ),
    );
    const switching = await listen(server);
    const url = `http://127.0.0.1:${switching.port}/`;
    register(url);
    const alice = emulator.room('room-1').join('alice');
    alice.setServerParams('a signature', url);
    expect(await alice.sendServerMessage('hello')).toMatchObject({ error: 'E2BSReturnFailed' });
    await emulator.callbacks.idle();
    const failed = { elapsedMs: expect.any(Number), httpStatus: 101, failure: 'another protocol' };
    expect(emulator.callbacks.sent.map(({ action, attempts }) => [action, attempts])).toEqual(
      expect.arrayContaining([
        ['RoomCreate', [failed, failed, failed]],
        ['sendServerMessage', [failed]],
      ]),
    );
    await emulator.close();
    await switching.close();
  });

  it('leaves nothing running when the emulator closes, and is not told after that', async () => {
    await answerWith(() => undefined);
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    emulator.faults.add({ kind: 'callback_late', delayMs: 600_000, match: { action: 'UserJoinRoom' } });
    const alice = emulator.room('room-1').join('alice');
    await until(() => app.received.length === 1);
    expect(timers()).toBeGreaterThan(before);
    await emulator.close();
    alice.leave();
    await emulator.callbacks.idle();
    expect(app.received).toHaveLength(1);
    await until(() => app.connections.every(({ destroyed }) => destroyed));
    // Those of other connections may end meanwhile, too.
    await until(() => timers() <= before);
  });
});

describe('a fault of callbacks', () => {
  beforeEach(() => register());
  const joinAll = async (...users: readonly string[]): Promise<void> => {
    emulator.room('room-1').join('first');
    await emulator.callbacks.idle();
    for (const user of users) emulator.room('room-1').join(user);
    await emulator.callbacks.idle();
  };
  const about = (userId: string) => ({ match: { userId } });

  it('has an event told never', async () => {
    emulator.faults.add({ kind: 'callback_lost', ...about('alice') });
    await joinAll('alice', 'bob');
    expect(app.stories.slice(2)).toEqual(['UserJoinRoom bob']);
    expect(emulator.callbacks.sent[2]).toMatchObject({
      userId: 'alice',
      outcome: 'failed',
      attempts: [],
      fault: 'callback_lost',
    });
  });

  it('has an event told twice, with the same ID and signature', async () => {
    emulator.faults.add({ kind: 'callback_twice', ...about('alice') });
    await joinAll('alice');
    expect(app.stories.slice(2)).toEqual(['UserJoinRoom alice', 'UserJoinRoom alice']);
    expect(app.received[2]?.body).toBe(app.received[3]?.body);
  });

  it('has an event told late, and so after the next one', async () => {
    emulator.faults.add({ kind: 'callback_late', delayMs: 300, ...about('alice') });
    await joinAll('alice', 'bob');
    expect(app.stories.slice(2)).toEqual(['UserJoinRoom bob', 'UserJoinRoom alice']);
  });

  it('has an event signed wrongly, and the next one rightly', async () => {
    emulator.faults.add({ kind: 'callback_wrong_signature', ...about('alice') });
    await joinAll('alice', 'bob');
    expect(app.events.slice(2).map((event) => isSignedWith(SECRET, event))).toEqual([false, true]);
  });

  it('has an event told with a copy whose ID and nonce are swapped, both rightly signed', async () => {
    emulator.faults.add({ kind: 'callback_swapped_copy', ...about('alice') });
    await joinAll('alice', 'bob');
    const [alice = {}, copy = {}, bob = {}] = app.events.slice(2);
    expect(copy).toEqual({ ...alice, EventId: alice.Nonce, Nonce: alice.EventId });
    expect(copy.EventId).not.toBe(alice.EventId);
    for (const event of [alice, copy, bob]) expect(isSignedWith(SECRET, event)).toBe(true);
    expect(app.events).toHaveLength(5);
  });

  it('has an event told again whose answer was lost', async () => {
    emulator.faults.add({ kind: 'callback_answer_lost', ...about('alice') });
    await joinAll('alice');
    expect(app.stories.slice(2)).toEqual(['UserJoinRoom alice', 'UserJoinRoom alice']);
    expect(emulator.callbacks.sent[2]).toMatchObject({
      outcome: 'delivered',
      attempts: [{ httpStatus: undefined, failure: 'a fault lost the answer' }, { httpStatus: 200 }],
    });
  });

  it('holds up no close where the function throws that picks what it is for', async () => {
    const alice = emulator.room('room-1').join('alice');
    await emulator.callbacks.idle();
    alice.setServerParams('signature', `${app.url}/rtc/messages`);
    const match = (): never => {
      throw new Error('of the test');
    };
    emulator.faults.add({ kind: 'callback_lost', match });
    await expect(alice.sendServerMessage('raise hand')).rejects.toThrow('of the test');
    emulator.faults.clear();
    await emulator.callbacks.idle();
    await emulator.close();
    await expect(fetch(emulator.url)).rejects.toThrow();
  });

  it('may be for a type of event, and spares requests', async () => {
    emulator.faults.add({ kind: 'callback_lost', probability: 1, match: { action: 'UserLeaveRoom' } });
    await joinAll('alice');
    emulator.room('room-1').participant('alice')?.leave();
    await emulator.callbacks.idle();
    expect(app.stories).toEqual(['RoomCreate', 'UserJoinRoom first', 'UserJoinRoom alice']);
    expect(() => emulator.faults.add({ kind: 'callback_lost', match: { action: 'Nope' as never } })).toThrow(
      'callback_lost.match.action: must be',
    );
  });
});

describe('what waits for a business server', () => {
  it('is bounded, and what is too much is counted', async () => {
    await answerWith(() => undefined);
    const id = 'u'.repeat(120);
    for (let index = 0; index < 30_000; index += 1) emulator.room(`${id}${index % 8}`).join(`${id}${index}`);
    expect(emulator.dropped.callbacks).toBeGreaterThan(1_000);
    await until(() => app.received.length === 64);
    expect(app.connections.length).toBe(64);
  });

  it('is recorded within the bytes that are kept', async () => {
    await emulator.close();
    emulator = await RtcEmulator.start({ keepBytes: 1_048_576 });
    register();
    for (let index = 0; index < 100; index += 1) emulator.room('room-1').join(`u${index}`);
    await emulator.callbacks.idle();
    const { sent } = emulator.callbacks;
    expect(sent.length).toBeLessThan(30);
    expect([sent.length + emulator.dropped.callbacks, sent.at(-1)?.userId]).toEqual([101, 'u99']);
    emulator.clear();
    expect([sent.length, emulator.dropped.callbacks]).toEqual([0, 0]);
  });
});

describe('the control API', () => {
  const control = async (method: string, path: string, body?: unknown): Promise<[number, unknown]> => {
    const response = await fetch(`${emulator.url}/__emulator${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return [response.status, await response.json()];
  };

  it('registers a URL, says which, lists what was told, and takes the URL away', async () => {
    expect(await control('GET', '/callbacks')).toEqual([200, {}]);
    const url = `${app.url}/rtc/events`;
    expect(await control('PUT', '/callbacks', { url, secret: SECRET })).toEqual([200, { url }]);
    await control('PUT', '/rooms/room-1/users/alice');
    await emulator.callbacks.idle();
    expect(app.events.map((event) => isSignedWith(SECRET, event))).toEqual([true, true]);
    const [, sent] = await control('GET', '/callbacks/sent?limit=1&offset=1');
    expect(sent).toMatchObject([
      { action: 'UserJoinRoom', userId: 'alice', attempts: [{ httpStatus: 200 }] },
    ]);
    expect(JSON.stringify(sent)).not.toContain(app.events[1]!['Signature']);
    expect(await control('DELETE', '/callbacks')).toEqual([200, {}]);
    expect(await control('GET', '/callbacks')).toEqual([200, {}]);
    await control('DELETE', '/record');
    expect(await control('GET', '/callbacks/sent')).toEqual([200, []]);
  });

  it.each([
    ['no URL', {}, 400],
    ['a text that is none', { url: 'nope' }, 400],
    ['another protocol', { url: 'file:///etc/passwd' }, 400],
    ['a user name', { url: 'http://user:pass@127.0.0.1/' }, 400],
    ["the service's own host", { url: 'https://rtc.volcengineapi.com/' }, 400],
    ['a secret that is none', { url: 'http://127.0.0.1:1/', secret: 1 }, 400],
    ['an unknown field', { url: 'http://127.0.0.1:1/', secrets: ['a'] }, 400],
    ['a host elsewhere', { url: 'http://intranet.example/' }, 403],
    ['an address elsewhere', { url: 'http://169.254.169.254/latest/' }, 403],
    ['a wildcard', { url: 'http://0.0.0.0/' }, 403],
    ['a name that a name server may know', { url: 'http://evil.localhost/' }, 403],
    ['a name with a final dot, which a name server may know', { url: 'http://localhost.:1/' }, 403],
    ['an address in another notation that is elsewhere', { url: 'http://0xa9fea9fe/' }, 403],
    ['a mapped address elsewhere', { url: 'http://[::ffff:10.0.0.1]/' }, 403],
  ])('posts nowhere for %s', async (_what, body, status) => {
    const [answered, answer] = await control('PUT', '/callbacks', body);
    expect([answered, answer]).toEqual([status, { error: expect.stringMatching(/^(url|secret|secrets): /) }]);
    expect(JSON.stringify(answer)).not.toContain('pass@');
    expect(emulator.callbacks.url).toBeUndefined();
  });

  it('takes any URL of the origin that the emulator was started with', async () => {
    await emulator.close();
    emulator = await RtcEmulator.start({ callbacks: { url: 'https://app.example:8443/rtc/events' } });
    const url = 'https://app.example:8443/other';
    expect(await control('PUT', '/callbacks', { url })).toEqual([200, { url }]);
    expect(await control('PUT', '/callbacks', { url: 'https://app.example/other' })).toMatchObject([403, {}]);
  });

  it('does not post to this machine for a caller from another one', () => {
    const url = `${app.url}/`;
    for (const address of ['10.0.0.7', '::ffff:10.0.0.7', 'fe80::1', '']) {
      expect(() => emulator.callbacks.checkReach(url, address)).toThrow('url: must lead to this machine');
    }
    for (const address of ['127.0.0.1', '::ffff:127.0.0.1', '::1']) {
      expect(() => emulator.callbacks.checkReach(url, address)).not.toThrow();
    }
  });

  it('keeps the secret to itself, however the emulator is printed', async () => {
    register();
    const { inspect } = await import('node:util');
    expect(inspect(emulator, { depth: 20, showHidden: true, getters: true })).not.toContain(SECRET);
    expect(JSON.stringify(emulator.callbacks)).not.toContain(SECRET);
  });
});
