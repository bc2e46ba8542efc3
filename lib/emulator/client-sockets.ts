import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { idProblem } from '../dto/field-rules.js';
import { idInPath } from './id-in-path.js';
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
 * for as long as the connection lasts. A room whose ID is `.` or `..` is written `%252E` or `%252E%252E`. Each message comes as a JSON text `{ event, from, message, at }` (bytes as base64). What a client sends is not read.
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

  #readPlace(url: string): Place {
    // As it came: a URL would resolve dots in it.
    const [path = '', query] = url.split(/\?(.*)/s, 2);
    const part = /^\/rooms\/([^/]+)$/.exec(path)?.[1];
    if (part === undefined && path !== '/users') {
      throw new TypeError(
        'Connect to /rooms/:roomId?userId=… or /users?userId=…; if the room is . or .., write the dots as %252E',
      );
    }
    const userId = new URLSearchParams(query).get('userId') ?? '';
    const problem = idProblem(userId);
    if (problem !== undefined) throw new TypeError(`userId: ${problem}`);
    const { loggedIn } = this.places;
    return { presence: part === undefined ? loggedIn : this.places.room(idInPath(part)), userId };
  }
}

function attend(webSocket: WebSocket, participant: Participant): void {
  participant.on('received', (received) => webSocket.send(JSON.stringify(toMessageJson(received))));
  participant.on('left', () => webSocket.close(LEFT, 'left'));
  webSocket.on('error', () => webSocket.terminate());
  webSocket.on('close', () => participant.leave());
}
