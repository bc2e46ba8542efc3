import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { idProblem } from '../dto/field-rules.js';
import { toMessageJson } from './message-json.js';
import type { Participant } from './participant.js';
import type { Presence } from './presence.js';

interface Place {
  readonly presence: Presence;
  readonly userId: string;
}

/** Close code for a participant who was put out. */
const LEFT = 4_001;

/**
 * Clients over WebSocket: `/rooms/:roomId?userId=…` is in the room, and `/users?userId=…` logged in outside of rooms,
 * for as long as the connection lasts. Each message comes as a JSON text `{ event, from, message, at }` (bytes as base64). What a client sends is not read.
 */
export class ClientSockets {
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: 1_024 });

  constructor(private readonly places: { readonly loggedIn: Presence; room(roomId: string): Presence }) {}

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    let place: Place;
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
      attend(webSocket, place.presence.join(place.userId)),
    );
  }

  close(): void {
    for (const client of this.#server.clients) client.terminate();
    this.#server.close();
  }

  #readPlace(path: string): Place {
    const url = new URL(path, 'http://emulator');
    const roomId = /^\/rooms\/([^/]+)$/.exec(url.pathname)?.[1];
    if (roomId === undefined && url.pathname !== '/users') {
      throw new TypeError('Connect to /rooms/:roomId?userId=… or /users?userId=…');
    }
    const userId = url.searchParams.get('userId') ?? '';
    const problem = idProblem(userId);
    if (problem !== undefined) throw new TypeError(`userId: ${problem}`);
    const { loggedIn } = this.places;
    return {
      presence: roomId === undefined ? loggedIn : this.places.room(decodeURIComponent(roomId)),
      userId,
    };
  }
}

function attend(webSocket: WebSocket, participant: Participant): void {
  participant.on('received', (received) => webSocket.send(JSON.stringify(toMessageJson(received))));
  participant.on('left', () => webSocket.close(LEFT, 'left'));
  webSocket.on('error', () => webSocket.terminate());
  webSocket.on('close', () => participant.leave());
}
