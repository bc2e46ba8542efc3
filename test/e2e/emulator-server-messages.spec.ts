import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { type Participant, RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { WebSocket } from 'ws';
import { post } from '../../lib/emulator/callback-sender.js';
import { sendRaw } from '../support/raw-request.js';
import { listen, type RunningServer, startScriptedServer } from '../support/scripted-server.js';
import { until } from '../support/until.js';

type Answer = Parameters<typeof startScriptedServer>[0];

let emulator: RtcEmulator;
let app: Awaited<ReturnType<typeof startScriptedServer>>;
let others: RunningServer[];
let answer: Answer;
beforeEach(async () => {
  emulator = await RtcEmulator.start();
  others = [];
  answer = (response) => response.end('hand seen');
  app = await startScriptedServer((...call) => answer(...call));
});
afterEach(async () => {
  await emulator.close();
  for (const server of [app, ...others]) await server.close();
});

/** A server that does with a connection what it likes. */
const rawServer = async (onConnection: (socket: Socket) => void): Promise<string> => {
  const server = await listen(createServer(onConnection));
  others.push(server);
  return `http://127.0.0.1:${server.port}/`;
};
const joined = (url = `${app.url}/rtc/messages`): Participant => {
  const alice = emulator.room('room-1').join('alice');
  alice.setServerParams('issued for alice', url);
  return alice;
};

describe("a client's message to the business server", () => {
  it('is posted as the service does, without a content type, and the answer comes back', async () => {
    expect(await joined().sendServerMessage('raise hand 举手')).toEqual({
      msgid: 1,
      error: 'Success',
      message: 'hand seen',
    });
    const [request] = app.received;
    expect(request).toMatchObject({ method: 'POST', url: '/rtc/messages' });
    expect(request?.headers).not.toHaveProperty('content-type');
    expect(JSON.parse(request!.body)).toEqual({
      message: 'raise hand 举手',
      binary: false,
      signature: 'issued for alice',
    });
  });

  it('may be bytes, which are posted in base64 and answered with bytes', async () => {
    answer = (response) => response.end(Buffer.from([255, 0, 1]));
    const end = await joined().sendServerBinaryMessage(new Uint8Array([1, 2, 255]));
    expect(end).toEqual({ msgid: 1, error: 'Success', message: new Uint8Array([255, 0, 1]) });
    expect(JSON.parse(app.received[0]!.body)).toMatchObject({ message: 'AQL/', binary: true });
  });

  it("is sent by who is logged in outside of rooms, too, and its end is the client SDK's callback", async () => {
    const bob = emulator.login('bob');
    const calls: unknown[][] = [];
    bob.on('onServerMessageSendResult', (...call) => calls.push(call));
    bob.setServerParams('issued for bob', app.url);
    await bob.sendServerMessage('one');
    await bob.sendServerMessage('two');
    expect(calls).toEqual([
      [1, 'Success', 'hand seen'],
      [2, 'Success', 'hand seen'],
    ]);
    expect(emulator.callbacks.sent).toMatchObject([
      { action: 'sendServerMessage', userId: 'bob', roomId: undefined },
      { body: { message: 'two', binary: false, signature: '(withheld)' }, outcome: 'delivered' },
    ]);
  });

  it('can be sent by whoever sees what a user receives', async () => {
    const alice = joined();
    alice.on('received', ({ message }) => void alice.sendServerMessage(`got ${String(message)}`));
    await sendRaw(emulator);
    await emulator.callbacks.idle();
    expect(JSON.parse(app.received[0]!.body)).toMatchObject({ message: 'got hello' });
  });

  it('needs the parameters first, and a user who is there', async () => {
    const alice = emulator.room('room-1').join('alice');
    expect(await alice.sendServerMessage('hello')).toEqual({
      msgid: 1,
      error: 'ServerParamsNotSet',
      message: '',
    });
    alice.setServerParams('', app.url);
    alice.leave();
    expect(await alice.sendServerMessage('hello')).toMatchObject({ error: 'NotLogin' });
    expect(await alice.sendServerBinaryMessage(new Uint8Array(1))).toMatchObject({ error: 'NotLogin' });
    expect(app.received).toEqual([]);
  });

  it('has at most 64 KB, in bytes', async () => {
    const alice = joined();
    const errors = [];
    for (const text of ['x'.repeat(65_536), 'x'.repeat(65_537), '举'.repeat(21_846)]) {
      errors.push((await alice.sendServerMessage(text)).error);
    }
    errors.push((await alice.sendServerBinaryMessage(new Uint8Array(65_536))).error);
    errors.push((await alice.sendServerBinaryMessage(new Uint8Array(65_537))).error);
    expect(errors).toEqual(['Success', 'ExceedMaxLength', 'ExceedMaxLength', 'Success', 'ExceedMaxLength']);
  });

  it('is refused beyond twenty in a second, for each client', async () => {
    const [alice, bob] = [joined(), emulator.login('bob')];
    bob.setServerParams('', app.url);
    const ends = await Promise.all(Array.from({ length: 25 }, () => alice.sendServerMessage('again')));
    expect(ends.map(({ error }) => error)).toEqual([
      ...Array.from({ length: 20 }, () => 'Success'),
      ...Array.from({ length: 5 }, () => 'ExceedQPS'),
    ]);
    expect(await bob.sendServerMessage('hello')).toMatchObject({ error: 'Success' });
  });

  it('fails to be sent where the server is not reached', async () => {
    const closed = await listen(createServer());
    await closed.close();
    const alice = joined(`http://127.0.0.1:${closed.port}/`);
    expect(await alice.sendServerMessage('hello')).toEqual({
      msgid: 1,
      error: 'E2BSSendFailed',
      message: '',
    });
    alice.setServerParams('', await rawServer((socket) => socket.resetAndDestroy()));
    const { error } = await alice.sendServerMessage('hello');
    // Whether the request had left before the reset is up to the system.
    expect(error).toMatch(/^E2BS(Send|Return)Failed$/);
  });

  it.each<[string, Answer]>([
    ['another status', (response) => response.writeHead(401).end('no')],
    ['a redirect', (response) => response.writeHead(302, { Location: '/elsewhere' }).end()],
    ['more than 64 KB', (response) => response.end('x'.repeat(65_537))],
    ['half of an answer', (response) => response.writeHead(200, { 'Content-Length': 9 }).write('half')],
  ])('was reached and gave no good answer with %s', async (what, given) => {
    answer = (response, request) => {
      given(response, request);
      if (what.startsWith('half')) setTimeout(() => response.destroy(), 20);
    };
    expect(await joined().sendServerMessage('hello')).toEqual({
      msgid: 1,
      error: 'E2BSReturnFailed',
      message: '',
    });
    expect(app.received).toHaveLength(1);
  });

  it('was reached by a server that answers before it has read all', async () => {
    const url = await rawServer((socket) => {
      socket.pause().write('HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno');
    });
    const { signal } = new AbortController();
    const end = await post(new URL(url), Buffer.alloc(32 * 1_048_576), { headers: {}, signal, onSent() {} });
    expect(end).toMatchObject({ sent: true, httpStatus: 401, answer: Buffer.from('no') });
  });

  it('gets no answer from a server that is silent, or hangs up once it has read', async () => {
    answer = () => undefined;
    const alice = joined();
    const silent = alice.sendServerMessage('hello');
    const hangsUp = emulator.login('bob');
    hangsUp.setServerParams(
      '',
      await rawServer((socket) => void socket.once('data', () => socket.destroy())),
    );
    expect(await hangsUp.sendServerMessage('hello')).toMatchObject({ error: 'E2BSReturnFailed' });
    expect(await silent).toMatchObject({ error: 'E2BSReturnFailed' });
    expect(app.received).toHaveLength(1);
  });

  it('of 64 KB is answered with 64 KB', async () => {
    answer = (response) => response.end('y'.repeat(65_536));
    const { message } = await joined().sendServerMessage('x'.repeat(65_536));
    expect(message).toBe('y'.repeat(65_536));
  });

  it.each([
    ['nope', 'url: must be a URL over http: or https:'],
    ['ftp://127.0.0.1/', 'url: must be a URL over http: or https:'],
    ['http://user:pass@127.0.0.1/', 'without a user name and a password'],
    ['https://rtc.volcengineapi.com./', "url: must not lead to the service's own hosts"],
    [`http://127.0.0.1/${'x'.repeat(2_048)}`, 'url: must be'],
  ])('does not go to %s', (url, problem) => {
    expect(() => emulator.login('bob').setServerParams('', url)).toThrow(problem);
    expect(() => emulator.login('bob').setServerParams(1 as never, app.url)).toThrow('signature: must be');
  });

  it('ends when the emulator closes', async () => {
    answer = () => undefined;
    const sending = joined().sendServerMessage('hello');
    await until(() => app.received.length === 1);
    await emulator.close();
    expect(await sending).toMatchObject({ error: 'E2BSReturnFailed' });
  });

  it('is not taken any more when the emulator has closed, though nobody has left', async () => {
    const alice = joined();
    const events: string[] = [];
    alice.on('left', () => events.push('left')).on('closed', () => events.push('closed'));
    await emulator.close();
    expect(events).toEqual(['closed']);
    expect(await alice.sendServerMessage('hello')).toMatchObject({ error: 'NotLogin' });
  });
});

describe("a fault of a client's message", () => {
  const sendTwice = async (): Promise<string[]> => {
    const alice = joined();
    return [(await alice.sendServerMessage('one')).error, (await alice.sendServerMessage('two')).error];
  };
  const messages = (): string[] =>
    app.received.map(({ body }) => (JSON.parse(body) as { message: string }).message);

  it('loses it before it arrives', async () => {
    emulator.faults.add({ kind: 'callback_lost', match: { action: 'sendServerMessage' } });
    expect([await sendTwice(), messages()]).toEqual([['E2BSSendFailed', 'Success'], ['two']]);
  });

  it('loses the answer', async () => {
    emulator.faults.add({ kind: 'callback_answer_lost', match: { userId: 'alice' } });
    expect([await sendTwice(), messages()]).toEqual([
      ['E2BSReturnFailed', 'Success'],
      ['one', 'two'],
    ]);
  });

  it('has it arrive late, or twice, or with another signature', async () => {
    emulator.faults.add({ kind: 'callback_late', delayMs: 200 });
    const alice = joined();
    const late = alice.sendServerMessage('late');
    await alice.sendServerMessage('next');
    expect(await late).toMatchObject({ msgid: 1, error: 'Success' });
    emulator.faults.add({ kind: 'callback_twice' });
    emulator.faults.add({ kind: 'callback_wrong_signature' });
    await alice.sendServerMessage('twice');
    await alice.sendServerMessage('wrong');
    expect(messages()).toEqual(['next', 'late', 'twice', 'twice', 'wrong']);
    const { signature } = JSON.parse(app.received[4]!.body) as { signature: string };
    expect(signature).toBe('issued for alic0');
  });
});

describe('a client over WebSocket', () => {
  let socket: WebSocket;
  let heard: Record<string, unknown>[];
  beforeEach(async () => {
    socket = new WebSocket(`ws${emulator.url.slice(4)}/rooms/room-1?userId=alice`);
    heard = [];
    socket.on('message', (data: Buffer) =>
      heard.push(JSON.parse(data.toString()) as Record<string, unknown>),
    );
    await once(socket, 'open');
  });
  afterEach(() => socket.terminate());

  const call = async (frame: unknown): Promise<Record<string, unknown> | undefined> => {
    const before = heard.length;
    socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
    await until(() => heard.length > before);
    return heard.at(-1);
  };
  const setParams = () => call({ method: 'setServerParams', signature: 'issued for alice', url: app.url });

  it('sets its parameters and sends, under the names of the client SDK', async () => {
    expect(await setParams()).toEqual({ event: 'onServerParamsSetResult', error: 'Success' });
    expect(await call({ method: 'sendServerMessage', message: 'hello' })).toEqual({
      event: 'onServerMessageSendResult',
      msgid: 1,
      error: 'Success',
      message: 'hand seen',
    });
    expect(await call({ method: 'sendServerBinaryMessage', message: 'AQI=', msgid: 77 })).toEqual({
      event: 'onServerMessageSendResult',
      msgid: 77,
      error: 'Success',
      message: Buffer.from('hand seen').toString('base64'),
    });
    expect(app.received.map(({ body }) => JSON.parse(body) as unknown)).toEqual([
      { message: 'hello', binary: false, signature: 'issued for alice' },
      { message: 'AQI=', binary: true, signature: 'issued for alice' },
    ]);
  });

  it('sends 64 KB of characters that JSON escapes', async () => {
    await setParams();
    const message = '\u0001'.repeat(65_536);
    expect(await call({ method: 'sendServerMessage', message })).toMatchObject({ error: 'Success' });
    expect((JSON.parse(app.received[0]!.body) as { message: string }).message).toBe(message);
  });

  it.each<[unknown, string]>([
    ['nope', 'The body must be a JSON object.'],
    ['[]', 'method: must be setServerParams, sendServerMessage or sendServerBinaryMessage'],
    [{ method: 'leave' }, 'method: must be'],
    [{ method: 'constructor' }, 'method: must be'],
    [{ method: 'sendServerMessage' }, 'message: must be a string'],
    [{ method: 'sendServerBinaryMessage', message: 'no base64!' }, 'message: must be base64'],
    [{ method: 'setServerParams', url: 'http://127.0.0.1:1/' }, 'signature: must be a string'],
    [
      { method: 'setServerParams', signature: '', url: 'http://intranet.example/' },
      'url: must lead to this machine',
    ],
  ])('is told what is wrong with %j, and stays', async (frame, problem) => {
    expect(await call(frame)).toEqual({ event: 'onError', error: expect.stringContaining(problem) });
    expect(socket.readyState).toBe(WebSocket.OPEN);
  });
});

describe('the control API', () => {
  const control = async (path: string, body: unknown): Promise<[number, unknown]> => {
    const response = await fetch(`${emulator.url}/__emulator${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
    });
    return [response.status, await response.json()];
  };

  it("calls the client SDK's methods for a user in a room, or outside of rooms", async () => {
    emulator.room('room-1').join('alice');
    emulator.login('bob');
    for (const path of ['/rooms/room-1/users/alice/calls', '/users/bob/calls']) {
      const params = { method: 'setServerParams', signature: 'issued', url: app.url };
      expect(await control(path, params)).toEqual([
        200,
        { event: 'onServerParamsSetResult', error: 'Success' },
      ]);
      expect(await control(path, { method: 'sendServerMessage', message: 'hello' })).toEqual([
        200,
        { event: 'onServerMessageSendResult', msgid: 1, error: 'Success', message: 'hand seen' },
      ]);
    }
    expect(app.received).toHaveLength(2);
  });

  it('says what is wrong, and lets no one reach elsewhere', async () => {
    emulator.login('bob');
    const params = { method: 'setServerParams', signature: '', url: 'http://10.0.0.1/' };
    expect(await control('/users/bob/calls', params)).toMatchObject([403, {}]);
    expect(await control('/users/bob/calls', { ...params, url: 'nope' })).toMatchObject([400, {}]);
    expect(await control('/users/bob/calls', {})).toMatchObject([
      400,
      { error: expect.stringContaining('method:') },
    ]);
    expect(await control('/users/carol/calls', params)).toEqual([404, { error: 'carol is not logged in' }]);
  });
});
