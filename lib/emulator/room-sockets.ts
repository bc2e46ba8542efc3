import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { idProblem } from '../dto/field-rules.js';
import { toMessageJson } from './message-json.js';
import type { Participant } from './participant.js';
import type { Room } from './room.js';

/** Close code for a participant who was put out of the room. */
const LEFT = 4_001;

/**
 * Rooms over WebSocket: `/rooms/:roomId?userId=…` joins for as long as the connection lasts, and each message
 * comes as a JSON text `{ event, from, message, at }` (bytes as base64). What a client sends is not read.
 */
export class RoomSockets {
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: 1_024 });

  constructor(private readonly rooms: { room(roomId: string): Room }) {}

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    let place: { room: Room; userId: string };
    try {
      place = this.#readPlace(request.url ?? '/');
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'Bad request';
      socket.end(
        `HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n` +
          `Content-Length: ${Buffer.byteLength(reason)}\r\n\r\n${reason}`,
        // The server lets go of an upgraded socket, so no one else would close it.
        () => socket.destroy(),
      );
      return;
    }
    // Joins once the handshake is complete: one that fails must not put out who is in the room already.
    this.#server.handleUpgrade(request, socket, head, (webSocket) =>
      attend(webSocket, place.room.join(place.userId)),
    );
  }

  close(): void {
    for (const client of this.#server.clients) client.terminate();
    this.#server.close();
  }

  #readPlace(path: string): { room: Room; userId: string } {
    const url = new URL(path, 'http://emulator');
    const roomId = /^\/rooms\/([^/]+)$/.exec(url.pathname)?.[1];
    if (roomId === undefined) throw new TypeError('Connect to /rooms/:roomId?userId=…');
    const userId = url.searchParams.get('userId') ?? '';
    const problem = idProblem(userId);
    if (problem !== undefined) throw new TypeError(`userId: ${problem}`);
    return { room: this.rooms.room(decodeURIComponent(roomId)), userId };
  }
}

function attend(webSocket: WebSocket, participant: Participant): void {
  participant.on('received', (received) => webSocket.send(JSON.stringify(toMessageJson(received))));
  participant.on('left', () => webSocket.close(LEFT, 'left the room'));
  webSocket.on('error', () => webSocket.terminate());
  webSocket.on('close', () => participant.leave());
}
