import { Admission } from './admission.js';
import { ApiEndpoint } from './api-endpoint.js';
import { ClientSockets } from './client-sockets.js';
import { CONTROL_PREFIX, ControlApi } from './control-api.js';
import type { EmulatorClock } from './emulator-clock.js';
import { type Dropped, EmulatorState, type RecordedRequest } from './emulator-state.js';
import type { Faults } from './faults.js';
import { Listener } from './listener.js';
import type { Participant } from './participant.js';
import { type Presence, Room } from './presence.js';
import type { RecipientCounts } from './recipient-counts.js';
import {
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
  readonly clock: EmulatorClock;
  /** Who was sent what by requests that were accepted, how often: whether the user was there or not. */
  readonly accepted: RecipientCounts;
  /** Who received what, how often: users who are in the room, or logged in, when it is sent. */
  readonly deliveries: RecipientCounts;
  /** Who is logged in, and so receives what `SendUnicast` sends. Being in a room is not that. */
  readonly loggedIn: Presence;
  /** What goes wrong, and with which requests. */
  readonly faults: Faults;
  // Private to the language: whoever prints the emulator must not print a secret key.
  readonly #state: EmulatorState;
  readonly #listener: Listener;
  readonly #sockets: ClientSockets;

  private constructor(options: ResolvedEmulatorOptions) {
    const admission = new Admission(options);
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
    const state = new EmulatorState(options, this.#listener);
    this.#state = state;
    this.clock = state.clock;
    this.accepted = state.accepted;
    this.deliveries = state.deliveries;
    this.loggedIn = state.loggedIn;
    this.faults = state.faults;
    this.#sockets = new ClientSockets(admission, state);
    const api = new ApiEndpoint(state);
    const control = new ControlApi(state);
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
    return this.#state.requests.items;
  }

  /** What could not be kept, so that what is told about it is not complete. */
  get dropped(): Dropped {
    return this.#state.dropped;
  }

  /** The rooms in which someone is, or was who is not forgotten. */
  get rooms(): readonly Room[] {
    return this.#state.attendance.rooms;
  }

  /** What `RtcMessagingModule.forRoot()` needs to send here, as the first account. */
  moduleOptions(): EmulatorModuleOptions {
    return this.#state.moduleOptions();
  }

  /**
   * The room of that ID, which need not have been used before.
   * @throws TypeError for an illegal room ID
   */
  room(roomId: string): Room {
    return new Room(this.#state.attendance, roomId);
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
    this.#state.clear();
  }

  /** Stops listening and ends every connection. */
  async close(): Promise<void> {
    this.#sockets.close();
    await this.#listener.close();
  }
}
