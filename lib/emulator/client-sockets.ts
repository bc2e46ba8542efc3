import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Admission } from './admission.js';
import { callMethod } from './client-call.js';
import type { EmulatorState } from './emulator-state.js';
import { readObject } from './http-body.js';
import { ensure, refusalOf } from './http-error.js';
import { type Participant, type ReceivedMessage, toMessageJson } from './participant.js';
import { idInPath, splitUrl } from './received-request.js';

/** Close code for a participant that another one replaced. */
const LEFT = 4_001;
/** Close code for a connection that ended without one. */
const BROKEN = 1_006;
/** A client that has not read more than this is disconnected. */
const MAX_UNREAD_BYTES = 16_777_216;
/** The longest message to the business server, each of its characters escaped. */
const MAX_FRAME_BYTES = 400_000;

/**
 * Clients over WebSocket: `/rooms/:roomId?userId=…` is in the room, and `/users?userId=…` logged in outside of rooms,
 * for as long as the connection lasts; with `&token=…` if there has to be one, and `&invisible=true` for who watches
 * unseen. A room whose ID is `.` or `..` is written `%252E` or `%252E%252E`. Each message comes as a JSON text
 * `{ event, msgid, from, message, at }` (bytes as base64). A client calls the SDK's methods by
 * `{ method: 'setServerParams', signature, url }` and `{ method: 'sendServerMessage', message, msgid? }`, and gets the
 * SDK's callbacks, or `{ event: 'onError', error }` for what can't be read.
 */
export class ClientSockets {
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: MAX_FRAME_BYTES });

  constructor(
    private readonly admit: Admission,
    private readonly state: EmulatorState,
  ) {}

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    try {
      this.admit(request);
      const { upgrade = '' } = request.headers;
      const isWebSocket = upgrade.toLowerCase() === 'websocket';
      ensure(isWebSocket, 400, `No upgrade to ${upgrade} here: let the client speak plain HTTP/1.1`);
      const { path, query } = splitUrl(request.url ?? '/');
      const room = /^\/rooms\/([^/]+)$/.exec(path)?.[1];
      if (room === undefined && path !== '/users') {
        throw new TypeError(
          'Connect to /rooms/:roomId?userId=… or /users?userId=…; if the room is . or .., write the dots as %252E',
        );
      }
      const userId = query.get('userId') ?? '';
      const presence = this.state.presenceOf(room === undefined ? undefined : idInPath(room));
      const token = query.get('token') ?? undefined;
      const invisible = query.get('invisible') === 'true';
      presence.check(userId, token);
      const checkReach = (url: unknown): void =>
        this.state.callbacks.checkReach(url, request.socket.remoteAddress);
      // Joins once the handshake is complete: one that fails must not put out who is in the room already.
      this.#server.handleUpgrade(request, socket, head, (client) =>
        attend(client, presence.join(userId, { token, invisible }), checkReach),
      );
    } catch (error) {
      refuse(socket, error);
    }
  }

  close(): void {
    for (const client of this.#server.clients) client.terminate();
    this.#server.close();
  }
}

function attend(client: WebSocket, participant: Participant, checkReach: (url: unknown) => void): void {
  const onReceived = (received: ReceivedMessage): void => send(client, toMessageJson(received));
  const onLeft = (): void => client.close(LEFT, 'left');
  participant.on('received', onReceived).on('left', onLeft);
  client.on('message', async (data: Buffer) => {
    try {
      send(client, await callMethod(participant, readObject(data), checkReach));
    } catch (error) {
      send(client, { event: 'onError', error: refusalOf(error).reason });
    }
  });
  client.on('error', () => client.terminate());
  client.on('close', (code) => {
    participant.leave(code === BROKEN ? 'connectionLost' : 'userLeave');
    // A test may hold on to who has left, which does not need the connection.
    participant.off('received', onReceived).off('left', onLeft);
  });
}

function send(client: WebSocket, message: object): void {
  if (client.readyState !== client.OPEN) return;
  client.send(JSON.stringify(message));
  if (client.bufferedAmount > MAX_UNREAD_BYTES) client.terminate();
}

function refuse(socket: Duplex, error: unknown): void {
  const { httpStatus, reason } = refusalOf(error);
  socket.end(
    `HTTP/1.1 ${httpStatus} ${STATUS_CODES[httpStatus]}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n` +
      `Content-Length: ${Buffer.byteLength(reason)}\r\n\r\n${reason}`,
    // The server lets go of an upgraded socket, so no one else would close it.
    () => socket.destroy(),
  );
}
