import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { WebSocket } from 'ws';
import { rejectionOf } from '../support/rejection.js';
import { sendRaw } from '../support/raw-request.js';

describe('a user who is logged in at the emulator, outside of rooms', () => {
  let emulator: RtcEmulator;
  beforeEach(async () => {
    emulator = await RtcEmulator.start();
  });
  afterEach(() => emulator.close());

  const send = (message: string, binary = false) =>
    sendRaw(emulator, {
      query: 'Action=SendUnicast&Version=2023-07-20',
      body: JSON.stringify({
        AppId: 'emulator-app',
        From: 'server',
        To: 'alice',
        Binary: binary,
        Message: message,
      }),
    });
  const control = async (method: string, path: string): Promise<[number, unknown]> => {
    const response = await fetch(`${emulator.url}/__emulator${path}`, { method });
    return [response.status, await response.json()];
  };

  it("receives under the client SDK's callbacks", async () => {
    const calls: unknown[][] = [];
    const alice = emulator.login('alice');
    alice.on('onUserMessageReceivedOutsideRoom', (...call) => calls.push(['text', ...call]));
    alice.on('onUserBinaryMessageReceivedOutsideRoom', (...call) => calls.push(['binary', ...call]));
    await send('hello');
    await send('AQI=', true);
    expect(calls).toEqual([
      ['text', 'server', 'hello'],
      ['binary', 'server', new Uint8Array([1, 2])],
    ]);
  });

  it('is logged out by another who logs in under the same ID', async () => {
    const first = emulator.login('alice');
    const second = emulator.login('alice');
    await send('hello');
    expect([first.received.length, second.received.length]).toEqual([0, 1]);
    expect(emulator.loggedIn.participants).toEqual([second]);
  });

  it('has received nothing when the record was cleared', async () => {
    const alice = emulator.login('alice');
    await send('hello');
    await control('DELETE', '/record');
    expect(alice.received).toEqual([]);
    expect(await control('GET', '/users/alice/received')).toEqual([200, []]);
  });

  it('must have a legal ID', () => {
    expect(() => emulator.login('a b')).toThrow('userId: "a b" contains a space');
  });

  it('can come over WebSocket, for as long as the connection lasts', async () => {
    const socket = new WebSocket(`ws${emulator.url.slice(4)}/users?userId=alice`);
    await once(socket, 'open');
    const arrival = once(socket, 'message');
    await send('hello');
    const [data] = (await arrival) as [Buffer];
    expect(JSON.parse(data.toString())).toMatchObject({
      event: 'onUserMessageReceivedOutsideRoom',
      from: 'server',
      message: 'hello',
    });
    const left = once(emulator.loggedIn.participant('alice')!, 'left');
    socket.close();
    await left;
    expect(emulator.loggedIn.participants).toEqual([]);
  });

  it('gets an error over WebSocket when the login failed', async () => {
    const error = await rejectionOf<Error>(
      once(new WebSocket(`ws${emulator.url.slice(4)}/people?userId=alice`), 'open'),
    );
    expect(error.message).toContain('400');
  });

  it('can be logged in, looked at and logged out over the control API', async () => {
    expect(await control('PUT', '/users/alice')).toEqual([200, { userId: 'alice' }]);
    expect(await control('GET', '/users')).toEqual([200, ['alice']]);
    await send('hello');
    const received = [
      200,
      [
        {
          event: 'onUserMessageReceivedOutsideRoom',
          from: 'server',
          message: 'hello',
          at: expect.any(String),
          msgid: expect.any(Number),
        },
      ],
    ];
    expect(await control('GET', '/users/alice/received')).toEqual(received);
    expect(await control('DELETE', '/users/alice')).toEqual([200, {}]);
    expect(await control('GET', '/users')).toEqual([200, []]);
    expect(await control('DELETE', '/users/alice')).toEqual([404, { error: 'alice is not logged in' }]);
    expect(await control('PUT', '/users/a%20b')).toMatchObject([400, {}]);
  });
});
