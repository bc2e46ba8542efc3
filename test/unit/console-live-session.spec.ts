import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { once } from 'node:events';
import { type AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { LiveSession } from '../../sample/console/live/live-session.js';

const NO_FAN_OUTS = {
  run: () => Promise.reject(new Error('The fan-out failed in a way that no one foresaw.')),
};

// What is logged of a command that fails is of no use here.
Logger.overrideLogger(false);

describe('the session of an open page', () => {
  let server: WebSocketServer;
  /** The page's end of the connection, and the app's. */
  let page: WebSocket;
  let socket: WebSocket;

  beforeEach(async () => {
    server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    await once(server, 'listening');
    page = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
    [[socket]] = (await Promise.all([once(server, 'connection'), once(page, 'open')])) as [
      [WebSocket],
      unknown,
    ];
  });
  afterEach(async () => {
    page.terminate();
    socket.terminate();
    server.close();
    await once(server, 'close');
  });

  const unseated = (): WebSocket => {
    throw new Error('No one joins here.');
  };

  it.each([
    [
      'whose seat can not be opened',
      { target: () => Promise.resolve('emulator' as const), join: unseated },
      { type: 'join', userId: 'alice' },
    ],
    [
      'that the emulator can not be asked for',
      { target: () => Promise.reject(new Error('No one can tell.')), join: unseated },
      { type: 'join', userId: 'alice' },
    ],
    [
      'that fails',
      { target: () => Promise.resolve('emulator' as const), join: unseated },
      { type: 'fan_out', roomId: 'r', message: 'm', binary: false, users: 1, confirmed: true },
    ],
  ] as const)('ends with a command %s, and the app does not', async (_what, emulator, command) => {
    const session = new LiveSession(socket, emulator, NO_FAN_OUTS);
    const closed = once(page, 'close');
    await session.handle(command);
    expect(await closed).toEqual([1_011, expect.anything()]);
  });
});
