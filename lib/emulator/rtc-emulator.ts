import { Admission } from './admission.js';
import { ApiEndpoint } from './api-endpoint.js';
import { Attendance } from './attendance.js';
import { ClientSockets } from './client-sockets.js';
import { CONTROL_PREFIX, ControlApi } from './control-api.js';
import type { Dropped } from './dropped.js';
import { EmulatorClock } from './emulator-clock.js';
import type { EmulatorModuleOptions } from './emulator-module-options.js';
import { Faults } from './faults.js';
import { Listener } from './listener.js';
import type { Participant } from './participant.js';
import { Presence } from './presence.js';
import { RequestReader } from './raw-request.js';
import { ReceivedLog } from './received-log.js';
import { RecipientCounts } from './recipient-counts.js';
import { type RecordedRequest, RequestLog } from './request-log.js';
import { Room } from './room.js';
import {
  accountsOf,
  type ResolvedEmulatorOptions,
  resolveEmulatorOptions,
  type RtcEmulatorOptions,
} from './rtc-emulator-options.js';
import { Secrets } from './secrets.js';
import { serveOrRefuse } from './serve-or-refuse.js';

/** Where those are who are in no room: a room's ID is never empty. */
const LOGGED_IN = '';

/**
 * The remote API on this machine: real HTTP, the vendor's checks, answers and codes, a quota, and rooms whose
 * users receive what is sent to them.
 *
 * ```ts
 * const emulator = await RtcEmulator.start();
 * const alice = emulator.room('room-1').join('alice');
 * // … RtcMessagingModule.forRoot(emulator.moduleOptions()) …
 * alice.received; // [{ event: 'onUserMessageReceived', from: 'server', message: 'hello', at, msgid }]
 * await emulator.close();
 * ```
 */
export class RtcEmulator {
  /** The time at the emulator. */
  readonly clock = new EmulatorClock();
  /** Who was sent what by requests that were accepted, how often: whether the user was there or not. */
  readonly accepted: RecipientCounts;
  /** Who received what, how often: users who are in the room, or logged in, when it is sent. */
  readonly deliveries: RecipientCounts;
  /** Who is logged in, and so receives what `SendUnicast` sends. Being in a room is not that. */
  readonly loggedIn: Presence;
  /** What goes wrong, and with which requests. */
  readonly faults: Faults;
  // Private to the language: whoever prints the emulator must not print a secret key.
  readonly #options: ResolvedEmulatorOptions;
  readonly #attendance: Attendance;
  readonly #listener: Listener;
  readonly #reader = new RequestReader();
  readonly #received: ReceivedLog;
  readonly #requests: RequestLog;
  readonly #sockets: ClientSockets;

  private constructor(options: ResolvedEmulatorOptions) {
    this.#options = options;
    const { keepBytes, tls } = options;
    // Each has its share, so that none can drive out another's. The two tables of each counter are the most of it.
    this.accepted = new RecipientCounts({ tableBytes: keepBytes / 4, listBytes: keepBytes / 128 });
    this.deliveries = new RecipientCounts({ tableBytes: keepBytes / 16, listBytes: keepBytes / 128 });
    this.#requests = new RequestLog(keepBytes / 8, new Secrets(accountsOf(options)));
    this.#received = new ReceivedLog(keepBytes / 16);
    this.#attendance = new Attendance(keepBytes / 32);
    this.loggedIn = new Presence(this.#attendance, LOGGED_IN);
    const admission = new Admission({ ...options, scheme: tls === undefined ? 'http' : 'https' });
    this.#listener = new Listener(
      serveOrRefuse(admission, (request, response) => {
        const controlled = request.url?.startsWith(CONTROL_PREFIX);
        return controlled ? control.handle(request, response) : api.handle(request, response);
      }),
      () => this.faults.forConnection(),
      tls,
    );
    this.faults = new Faults(this.#listener);
    const control = new ControlApi(this, this.#reader);
    const api = new ApiEndpoint(this, options, {
      reader: this.#reader,
      requests: this.#requests,
      received: this.#received,
      socketOf: (socket) => this.#listener.socketOf(socket),
    });
    this.#sockets = new ClientSockets({
      admission,
      loggedIn: this.loggedIn,
      room: (roomId) => this.room(roomId),
    });
    this.#listener.onWebSocket((request, socket, head) => this.#sockets.upgrade(request, socket, head));
  }

  /** @throws TypeError for an option that can't be used; Node's error when the port is taken */
  static async start(options: RtcEmulatorOptions = {}): Promise<RtcEmulator> {
    const resolved = resolveEmulatorOptions(options);
    const emulator = new RtcEmulator(resolved);
    await emulator.#listener.listen(resolved.port, resolved.host);
    return emulator;
  }

  /** Where it listens: an origin. */
  get url(): string {
    return this.#listener.url;
  }

  /** What came to the API, oldest first; beyond `keepBytes`, the oldest are dropped. */
  get requests(): readonly RecordedRequest[] {
    return this.#requests.requests;
  }

  /** What could not be kept, so that what is told about it is not complete. */
  get dropped(): Dropped {
    return {
      requests: this.#requests.dropped,
      received: this.#received.dropped,
      participants: this.#attendance.forgotten,
      accepted: this.accepted.forgotten,
      deliveries: this.deliveries.forgotten,
      duplicates: this.accepted.unlisted + this.deliveries.unlisted,
      connections: this.#listener.endedConnections + this.#sockets.refused,
      uploads: this.#reader.givenUp,
      clients: this.#sockets.putOut,
    };
  }

  /** The rooms in which someone is, or was who is not forgotten. */
  get rooms(): readonly Room[] {
    return [...this.#attendance.places].filter((place) => place !== LOGGED_IN).map((id) => this.room(id));
  }

  /** What `RtcMessagingModule.forRoot()` needs to send here, as the first account. */
  moduleOptions(): EmulatorModuleOptions {
    const { appId, from, credentials } = this.#options;
    return { appId, from, endpoint: this.url, credentials };
  }

  /**
   * The room of that ID, which need not have been used before.
   * @throws TypeError for an illegal room ID
   */
  room(roomId: string): Room {
    return new Room(this.#attendance, roomId);
  }

  /** @internal Of a room, or of those who are logged in. */
  presenceOf(roomId: string | undefined): Presence {
    return roomId === undefined ? this.loggedIn : this.room(roomId);
  }

  /**
   * Logs a user in, outside of rooms.
   * @throws TypeError for an illegal user ID
   */
  login(userId: string): Participant {
    return this.loggedIn.join(userId);
  }

  /** Forgets what was received and delivered; who is in which room, and faults, stay. */
  clear(): void {
    this.#requests.clear();
    this.#received.clear();
    this.accepted.clear();
    this.deliveries.clear();
    this.#attendance.clear();
  }

  /** Stops listening and ends every connection. */
  async close(): Promise<void> {
    this.#sockets.close();
    await this.#listener.close();
  }
}
