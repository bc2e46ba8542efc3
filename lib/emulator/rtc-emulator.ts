import { Admission } from './admission.js';
import { ApiEndpoint } from './api-endpoint.js';
import { ClientSockets } from './client-sockets.js';
import { CONTROL_PREFIX, ControlApi } from './control-api.js';
import { EmulatorClock } from './emulator-clock.js';
import { type Dropped, EmulatorRecord, type RecordedRequest } from './emulator-record.js';
import { Faults } from './faults.js';
import { InFlight } from './in-flight.js';
import { Listener } from './listener.js';
import type { Participant } from './participant.js';
import { Presence, Room } from './presence.js';
import type { RecipientCounts } from './recipient-counts.js';
import {
  accountsOf,
  type EmulatorModuleOptions,
  type ResolvedEmulatorOptions,
  resolveEmulatorOptions,
  type RtcEmulatorOptions,
} from './rtc-emulator-options.js';

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
  readonly #listener: Listener;
  readonly #record: EmulatorRecord;
  readonly #sockets: ClientSockets;
  /** Bodies that are being read. */
  readonly #uploads = new InFlight();

  private constructor(options: ResolvedEmulatorOptions) {
    this.#options = options;
    const record = new EmulatorRecord(options.keepBytes, accountsOf(options));
    this.#record = record;
    this.accepted = record.accepted;
    this.deliveries = record.deliveries;
    this.loggedIn = new Presence(record.attendance);
    const presenceOf = (roomId: string | undefined): Presence =>
      roomId === undefined ? this.loggedIn : this.room(roomId);
    const admission = new Admission(options);
    this.#sockets = new ClientSockets(admission, presenceOf);
    this.#listener = new Listener(
      {
        onRequest: admission.guard((request, response) =>
          (request.url?.startsWith(CONTROL_PREFIX) ? control : api).handle(request, response),
        ),
        onWebSocket: (...upgrade) => this.#sockets.upgrade(...upgrade),
        faultOfConnection: () => this.faults.forConnection(),
      },
      options.tls,
    );
    this.faults = new Faults(this.#listener);
    const parts = { clock: this.clock, faults: this.faults, record, uploads: this.#uploads, presenceOf };
    const api = new ApiEndpoint(parts, options);
    const control = new ControlApi({
      ...parts,
      dropped: () => this.dropped,
      moduleOptions: () => this.moduleOptions(),
    });
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
    return this.#record.requests.items;
  }

  /** What could not be kept, so that what is told about it is not complete. */
  get dropped(): Dropped {
    const { requests, received, attendance, accepted, deliveries } = this.#record;
    return {
      requests: requests.dropped,
      received: received.dropped,
      participants: attendance.forgotten,
      accepted: accepted.forgotten,
      deliveries: deliveries.forgotten,
      duplicates: accepted.unlisted + deliveries.unlisted,
      connections: this.#listener.endedConnections + this.#sockets.refused,
      uploads: this.#uploads.givenUp,
      clients: this.#sockets.putOut,
    };
  }

  /** The rooms in which someone is, or was who is not forgotten. */
  get rooms(): readonly Room[] {
    return this.#record.attendance.rooms;
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
    return new Room(this.#record.attendance, roomId);
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
    this.#record.clear();
  }

  /** Stops listening and ends every connection. */
  async close(): Promise<void> {
    this.#sockets.close();
    await this.#listener.close();
  }
}
