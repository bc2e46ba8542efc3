import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { WebSocket } from 'ws';
import type { LiveEvent } from '../../src/console/live/live-event.js';
import { RoomSeats } from '../../src/console/live/room-seats.js';

describe('a seat that was never opened', () => {
  let server: Server;
  const sockets: Socket[] = [];

  beforeEach(async () => {
    // It takes connections, and answers nothing.
    server = createServer((socket) => sockets.push(socket.on('error', () => undefined)));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    server.close();
    await once(server, 'close');
  });

  it('is left without a notice, since no one was notified when it was taken', async () => {
    const told: LiveEvent[] = [];
    const opened: WebSocket[] = [];
    const { port } = server.address() as AddressInfo;
    const seats = new RoomSeats(
      () => {
        opened.push(new WebSocket(`ws://127.0.0.1:${port}`));
        return opened.at(-1)!;
      },
      (event) => told.push(event),
    );
    for (const leave of [() => seats.leave('alice'), () => seats.leaveAll()]) {
      seats.join('room-1', 'alice');
      const seat = opened.at(-1)!;
      // Not `once` of node:events, which fails by the error that tells of it.
      const closed = new Promise((resolve) => seat.once('close', resolve));
      leave();
      await closed;
      expect(told).toEqual([]);
    }
    // The place is free again.
    expect(opened).toHaveLength(2);
  });
});
