import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { idProblem } from '../dto/field-rules.js';
import type { Admission } from './admission.js';
import { NoRoomLeftError } from './attendance.js';
import { idInPath } from './id-in-path.js';
import { InFlight } from './in-flight.js';
import { toMessageJson } from './message-json.js';
import type { Participant, ReceivedMessage } from './participant.js';
import type { Presence } from './presence.js';

interface Place {
  readonly presence: Presence;
  readonly userId: string;
}

/** Where clients come to, and who may. */
export interface ClientPlaces {
  readonly loggedIn: Presence;
  readonly admission: Admission;
  room(roomId: string): Presence;
}

/** Close code for a participant who was put out. */
const LEFT = 4_001;
/** What may wait for clients that do not read, all of them together: beyond it, the slowest is put out. */
const MAX_UNREAD_BYTES = 33_554_432;
/** Answers to pings may wait too; a client with more of them does not read. */
const MAX_UNREAD_PONGS = 65_536;

/**
 * Clients over WebSocket: `/rooms/:roomId?userId=…` is in the room, and `/users?userId=…` logged in outside of rooms,
 * for as long as the connection lasts. A room whose ID is `.` or `..` is written `%252E` or `%252E%252E`. Each message
 * comes as a JSON text `{ event, msgid, from, message, at }` (bytes as base64). What a client sends is not read.
 */
export class ClientSockets {
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: 1_024, autoPong: false });
  /** One text for all who receive a message. */
  readonly #texts = new WeakMap<ReceivedMessage, Buffer>();
  readonly #unread = new InFlight(MAX_UNREAD_BYTES);
  #putOut = 0;

  constructor(private readonly places: ClientPlaces) {}

  /** How many clients were put out because they did not read. */
  get putOut(): number {
    return this.#putOut;
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const refusal = this.places.admission.refusalOf(request);
    if (refusal !== undefined) {
      refuse(socket, `${refusal.httpStatus} Refused`, refusal.error);
      return;
    }
    let place: Place;
    try {
      place = this.#readPlace(request.url ?? '/');
      place.presence.checkRoomFor(place.userId);
    } catch (error) {
      const status = error instanceof NoRoomLeftError ? '503 Service Unavailable' : '400 Bad Request';
      refuse(socket, status, error instanceof Error ? error.message : 'Bad request');
      return;
    }
    // Joins once the handshake is complete: one that fails must not put out who is in the room already.
    this.#server.handleUpgrade(request, socket, head, (webSocket) =>
      this.#attend(webSocket, place.presence.join(place.userId)),
    );
  }

  close(): void {
    for (const client of this.#server.clients) client.terminate();
    this.#server.close();
  }

  #attend(webSocket: WebSocket, participant: Participant): void {
    const onReceived = (received: ReceivedMessage): void => this.#send(webSocket, received);
    const onLeft = (): void => webSocket.close(LEFT, 'left');
    participant.on('received', onReceived).on('left', onLeft);
    webSocket.on('ping', (data) => {
      if (webSocket.bufferedAmount <= MAX_UNREAD_PONGS) webSocket.pong(data);
      else this.#putOutFor(webSocket);
    });
    webSocket.on('error', () => webSocket.terminate());
    webSocket.on('close', () => {
      participant.leave();
      // Who has left is remembered, without the connection.
      participant.off('received', onReceived).off('left', onLeft);
    });
  }

  #send(webSocket: WebSocket, received: ReceivedMessage): void {
    let text = this.#texts.get(received);
    if (text === undefined) {
      text = Buffer.from(JSON.stringify(toMessageJson(received)));
      this.#texts.set(received, text);
    }
    const sending = this.#unread.begin(() => this.#putOutFor(webSocket));
    webSocket.send(text, { binary: false }, () => this.#unread.end(sending));
    // What the system takes at once does not wait, to however many clients it goes.
    const { length } = text;
    setImmediate(() => this.#unread.grow(sending, Math.min(length, webSocket.bufferedAmount)));
  }

  #putOutFor(webSocket: WebSocket): void {
    if (webSocket.readyState !== webSocket.OPEN) return;
    this.#putOut += 1;
    webSocket.terminate();
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

function refuse(socket: Duplex, status: string, reason: string): void {
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n` +
      `Content-Length: ${Buffer.byteLength(reason)}\r\n\r\n${reason}`,
    // The server lets go of an upgraded socket, so no one else would close it.
    () => socket.destroy(),
  );
}
