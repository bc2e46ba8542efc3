import { ApiEndpoint } from './api-endpoint.js';
import { CONTROL_PREFIX, handleControlRequest } from './control-api.js';
import { DeliveryRecord } from './delivery-record.js';
import { EmulatorClock } from './emulator-clock.js';
import { Faults } from './faults.js';
import { Listener } from './listener.js';
import type { EmulatorModuleOptions } from './emulator-module-options.js';
import type { Participant } from './participant.js';
import { Presence } from './presence.js';
import type { RecordedRequest } from './request-log.js';
import { Room } from './room.js';
import { ClientSockets } from './client-sockets.js';
import {
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
 * alice.received; // [{ event: 'onUserMessageReceived', from: 'server', message: 'hello', at }]
 * await emulator.close();
 * ```
 */
export class RtcEmulator {
  /** The time at the emulator. */
  readonly clock = new EmulatorClock();
  /** Who was sent what, how often. */
  readonly deliveries = new DeliveryRecord();
  /** Who is logged in, and so receives what `SendUnicast` sends. Being in a room is not that. */
  readonly loggedIn: Presence;
  readonly #rooms = new Map<string, Room>();
  /** What goes wrong, and with which requests. */
  readonly faults: Faults;
  // Private to the language: whoever prints the emulator must not print a secret key.
  readonly #options: ResolvedEmulatorOptions;
  readonly #listener: Listener;
  readonly #sockets: ClientSockets;
  readonly #requests: RecordedRequest[] = [];

  private constructor(options: ResolvedEmulatorOptions) {
    this.#options = options;
    this.loggedIn = new Presence(options.keep);
    this.#listener = new Listener(
      (request, response) => {
        const controlled = request.url?.startsWith(CONTROL_PREFIX);
        const handled = controlled
          ? handleControlRequest(this, request, response)
          : api.handle(request, response);
        handled.catch((error: unknown) => {
          // A test's own function threw. The sender is not left waiting; the error surfaces as unhandled.
          response.destroy();
          throw error;
        });
      },
      () => this.faults.forConnection(),
      options.tls,
    );
    this.faults = new Faults(this.#listener);
    const api = new ApiEndpoint(this, options, {
      record: (request) => this.#record(request),
      socketOf: (socket) => this.#listener.socketOf(socket),
    });
    this.#sockets = new ClientSockets(this);
    this.#listener.server.on('upgrade', (request, socket, head) =>
      this.#sockets.upgrade(request, socket, head),
    );
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

  /** What came to the API, oldest first; beyond `keep`, the oldest are dropped. */
  get requests(): readonly RecordedRequest[] {
    return this.#requests;
  }

  /** The rooms that were ever joined or asked for. */
  get rooms(): readonly Room[] {
    return [...this.#rooms.values()];
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
    let room = this.#rooms.get(roomId);
    if (room === undefined) {
      room = new Room(roomId, this.#options.keep);
      this.#rooms.set(roomId, room);
    }
    return room;
  }

  /** @internal The room of that ID, if anyone has ever joined or asked for it: sending to a room makes none. */
  roomIfAny(roomId: string): Room | undefined {
    return this.#rooms.get(roomId);
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
    this.#requests.length = 0;
    this.deliveries.clear();
    this.loggedIn.clear();
    for (const room of this.rooms) room.clear();
  }

  /** Stops listening and ends every connection. */
  async close(): Promise<void> {
    this.#sockets.close();
    await this.#listener.close();
  }

  #record(request: RecordedRequest): void {
    this.#requests.push(request);
    if (this.#requests.length > this.#options.keep) this.#requests.shift();
  }
}
