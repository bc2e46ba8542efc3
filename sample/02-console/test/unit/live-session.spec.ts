import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { once } from 'node:events';
import { type AddressInfo } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { WebSocket, WebSocketServer } from 'ws';
import { LiveSession } from '../../src/console/live/live-session.js';

const unseated = (): WebSocket => {
  throw new Error('No one joins here.');
};
const EMULATOR = { target: () => Promise.resolve('emulator' as const), join: unseated };
const NO_FAN_OUTS = {
  run: () => Promise.reject(new Error('The fan-out failed in a way that no one foresaw.')),
};

const NO_RECEIPTS = { of: () => [] };

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

  it('sends less to a page that reads slowly, instead of queueing', async () => {
    const session = new LiveSession(socket, EMULATOR, NO_FAN_OUTS, NO_RECEIPTS);
    const told: string[] = [];
    page.on('message', (data) => told.push((JSON.parse(String(data)) as { userId: string }).userId));
    page.pause();
    const message = 'x'.repeat(1_048_576);
    for (let count = 0; count < 64; count++) {
      session.tell({ type: 'not_joined', userId: 'too many', message });
    }
    // The limit, and what was within it when it began to be sent.
    expect(socket.bufferedAmount).toBeLessThan(6 * 1_048_576);
    expect(socket.bufferedAmount).toBeGreaterThan(4 * 1_048_576);

    // Once it has taken that, it is told again.
    page.resume();
    while (socket.bufferedAmount > 0) await setImmediate();
    session.tell({ type: 'not_joined', userId: 'last', message: '' });
    while (told.at(-1) !== 'last') await once(page, 'message');
    expect(told.length).toBeLessThan(64);
  });

  it('lets no one join for a page that was closed, or is elsewhere, by the time that it can', async () => {
    let answer: (target: 'emulator') => void = () => undefined;
    const asked = new Promise<'emulator'>((resolve) => (answer = resolve));
    const opened: string[] = [];
    const join = (roomId: string): WebSocket => {
      opened.push(roomId);
      return unseated();
    };
    const session = new LiveSession(socket, { target: () => asked, join }, NO_FAN_OUTS, NO_RECEIPTS);
    await session.handle({ type: 'room', roomId: 'room-1' });
    const early = session.handle({ type: 'join', userId: 'alice' });
    await session.handle({ type: 'room', roomId: 'room-2' });
    const late = session.handle({ type: 'join', userId: 'bob' });
    page.close();
    await once(socket, 'close');
    answer('emulator');
    await Promise.all([early, late]);
    expect(opened).toEqual([]);
  });

  it.each([
    ['whose seat can not be opened', EMULATOR, { type: 'join', userId: 'alice' }],
    [
      'that the emulator can not be asked for',
      { target: () => Promise.reject(new Error('No one can tell.')), join: unseated },
      { type: 'join', userId: 'alice' },
    ],
    [
      'that fails',
      EMULATOR,
      {
        type: 'fan_out',
        roomId: 'r',
        message: 'm',
        binary: false,
        users: 1,
        skipAbsent: false,
        confirmed: true,
      },
    ],
  ] as const)('ends with a command %s, and the app does not', async (_what, emulator, command) => {
    const session = new LiveSession(socket, emulator, NO_FAN_OUTS, NO_RECEIPTS);
    const closed = once(page, 'close');
    await session.handle(command);
    expect(await closed).toEqual([1_011, expect.anything()]);
  });
});
