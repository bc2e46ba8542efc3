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
/** What a frame that waits takes up beside its content. */
const FRAME_BYTES = 256;
/** Of the emulator's connections, so many may stay: the others are for requests. */
const MAX_CLIENTS = 3_072;
/** A client that writes more than so many frames in a second, which say nothing, is put out. */
const MAX_FRAMES_A_SECOND = 100;

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
  /** How many frames each client has written since the last look at it. */
  readonly #frames = new Map<WebSocket, number>();
  /** Those that have not answered since they were last asked. */
  readonly #silent = new Set<WebSocket>();
  readonly #timers: readonly NodeJS.Timeout[];
  #putOut = 0;
  #refused = 0;

  constructor(
    private readonly places: ClientPlaces,
    askEveryMs = 30_000,
  ) {
    this.#timers = [
      setInterval(() => this.#frames.clear(), 1_000),
      setInterval(() => this.#ask(), askEveryMs),
    ];
    for (const timer of this.#timers) timer.unref();
  }

  /** How many clients were put out because they did not read. */
  get putOut(): number {
    return this.#putOut;
  }

  /** How many found no room, since there were too many. */
  get refused(): number {
    return this.#refused;
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const refusal = this.places.admission.admit(request);
    if (refusal !== undefined) {
      refuse(socket, `${refusal.httpStatus} Refused`, refusal.error);
      return;
    }
    let place: Place;
    try {
      place = this.#readPlace(request.url ?? '/');
      if (this.#server.clients.size >= MAX_CLIENTS) {
        this.#refused += 1;
        throw new NoRoomLeftError(`There are ${MAX_CLIENTS} WebSockets, which are all that may stay.`);
      }
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
    for (const timer of this.#timers) clearInterval(timer);
    for (const client of this.#server.clients) client.terminate();
    this.#server.close();
  }

  #attend(webSocket: WebSocket, participant: Participant): void {
    const onReceived = (received: ReceivedMessage): void => this.#send(webSocket, received);
    const onLeft = (): void => webSocket.close(LEFT, 'left');
    participant.on('received', onReceived).on('left', onLeft);
    const onFrame = (): void => this.#countFrame(webSocket);
    webSocket.on('message', onFrame).on('ping', onFrame).on('pong', onFrame);
    webSocket.on('ping', (data: Buffer) =>
      this.#write(webSocket, data.length, (done) => webSocket.pong(data, false, done)),
    );
    webSocket.on('error', () => webSocket.terminate());
    webSocket.on('close', () => {
      this.#frames.delete(webSocket);
      this.#silent.delete(webSocket);
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
    const { length } = text;
    this.#write(webSocket, length, (done) => webSocket.send(text, { binary: false }, done));
  }

  #write(webSocket: WebSocket, length: number, write: (done: () => void) => void): void {
    if (webSocket.readyState !== webSocket.OPEN) return;
    const sending = this.#unread.begin(() => this.#putOutFor(webSocket));
    write(() => this.#unread.end(sending));
    // What the system takes at once does not wait, to however many clients it goes.
    setImmediate(() => {
      if (webSocket.bufferedAmount > 0) this.#unread.grow(sending, FRAME_BYTES + length);
    });
  }

  #countFrame(webSocket: WebSocket): void {
    this.#silent.delete(webSocket);
    const frames = (this.#frames.get(webSocket) ?? 0) + 1;
    this.#frames.set(webSocket, frames);
    if (frames > MAX_FRAMES_A_SECOND) this.#putOutFor(webSocket);
  }

  /** Whether each is still there: a browser answers by itself. */
  #ask(): void {
    for (const webSocket of this.#silent) this.#putOutFor(webSocket);
    for (const webSocket of this.#server.clients) {
      this.#silent.add(webSocket);
      webSocket.ping();
    }
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
