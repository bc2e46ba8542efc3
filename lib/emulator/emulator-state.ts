import { BoundedList } from './bounded-list.js';
import { Callbacks } from './callbacks.js';
import type { FaultKind } from './fault.js';
import { Faults } from './faults.js';
import { Listener } from './listener.js';
import type { Participant } from './participant.js';
import { Attendance, checkId, type JoinOptions, Presence } from './presence.js';
import { QuotaWindows } from './quota-window.js';
import type { ReceivedRequest } from './received-request.js';
import { RecipientCounts } from './recipient-counts.js';
import type { EmulatorModuleOptions, ResolvedEmulatorOptions } from './rtc-emulator-options.js';
import { Secrets } from './secrets.js';

/** A request that the API received, accepted or not. */
export interface RecordedRequest {
  /** The ID that the answer named. */
  readonly requestId: string;
  /** When it came, by the emulator's clock. */
  readonly at: Date;
  /** The HTTP method. */
  readonly method: string;
  /** Path and query, as sent, without secrets. */
  readonly url: string;
  /** Names in lower case; without signature, session token and other secrets. */
  readonly headers: Readonly<Record<string, string>>;
  /** As sent. */
  readonly body: Buffer;
  /** Whether the message was accepted, whatever the answer said. `dropped`: it was lost, see `overRoomLimit`. */
  readonly outcome: 'accepted' | 'refused' | 'dropped';
  /** Undefined if a fault suppressed the answer, or the client had gone. */
  readonly httpStatus?: number;
  /** Why it was refused. */
  readonly apiCode?: string;
  /** The fault that was injected. */
  readonly fault?: FaultKind;
}

/**
 * What the emulator has forgotten for lack of space, so that its records are incomplete. Counts begin at the last
 * `clear()`.
 */
export interface Dropped {
  /** Requests that are no longer in `requests`. */
  readonly requests: number;
  /** Messages that are no longer in a participant's `received`. */
  readonly received: number;
  /** Recipients that `accepted` has forgotten: its counts and duplicates, though not its total, are too low by them. */
  readonly accepted: number;
  /** Likewise, of `deliveries`. */
  readonly deliveries: number;
  /** Callbacks that are no longer in `callbacks.sent`. */
  readonly callbacks: number;
}

/** The emulator's wall clock. A test can set it ahead or behind. Quota windows ignore it. */
export class EmulatorClock {
  /** How far it is ahead of this machine's clock, in milliseconds; negative when it is behind. */
  offsetMs = 0;

  /** Milliseconds since the epoch. */
  now(): number {
    return Date.now() + this.offsetMs;
  }
}

/** What a request takes up beside its texts. */
const REQUEST_BYTES = 1_536;
const HEADER_BYTES = 128;

/** An emulator's state: what a test reads and changes, and what its parts share. */
export class EmulatorState {
  /** The time at the emulator. */
  readonly clock = new EmulatorClock();
  /** Counts of accepted messages, per user and message, whether the user was there or not. */
  readonly accepted: RecipientCounts;
  /** Counts of received messages, per user and message: by users who are in the room, or logged in, when it is sent. */
  readonly deliveries: RecipientCounts;
  /** Users who are logged in and so receive `SendUnicast`. Being in a room does not count. */
  readonly loggedIn: Presence;
  /** Injected faults and the requests that they apply to. */
  readonly faults: Faults;
  /** What is posted to the business server: events of rooms, and messages of clients. */
  readonly callbacks: Callbacks;
  /** @internal Who is where, and what they received. */
  readonly attendance: Attendance;
  /** @internal */
  readonly listener: Listener;
  /** @internal What was admitted in the last second. */
  readonly windows: QuotaWindows;
  // Private to the language: whoever prints the emulator must not print a secret key.
  readonly #options: ResolvedEmulatorOptions;
  readonly #requests: BoundedList<RecordedRequest>;
  readonly #secrets: Secrets;

  /** @internal */
  constructor(options: ResolvedEmulatorOptions) {
    this.#options = options;
    this.#secrets = new Secrets(options.accounts);
    this.listener = new Listener(options.tls);
    this.windows = new QuotaWindows(options.quota.window);
    this.faults = new Faults(this.listener);
    // Each has its share, so that none can drive out another's.
    const { keepBytes } = options;
    this.accepted = new RecipientCounts(keepBytes / 2);
    this.deliveries = new RecipientCounts(keepBytes / 4);
    this.#requests = new BoundedList(keepBytes / 8);
    const now = (): number => this.clock.now();
    this.callbacks = new Callbacks(options, this.#secrets, this.faults, now);
    this.attendance = new Attendance(options, now, this.callbacks);
    this.loggedIn = new Presence(this.attendance);
  }

  /** Where it listens: an origin. */
  get url(): string {
    return this.listener.url;
  }

  /** Requests that the API received, oldest first. Beyond `keepBytes`, the oldest are dropped. */
  get requests(): readonly RecordedRequest[] {
    return this.#requests.items;
  }

  /** What was forgotten for lack of space, so that records are incomplete. */
  get dropped(): Dropped {
    return {
      requests: this.#requests.dropped,
      received: this.attendance.droppedReceived,
      accepted: this.accepted.forgotten,
      deliveries: this.deliveries.forgotten,
      callbacks: this.callbacks.list.dropped,
    };
  }

  /** Rooms with a user. */
  get rooms(): readonly Presence[] {
    return this.attendance.rooms;
  }

  /** @internal No getter, which could be printed: it has a secret key. */
  options(): ResolvedEmulatorOptions {
    return this.#options;
  }

  /** What `RtcMessagingModule.forRoot()` needs to send here, as the first account. */
  moduleOptions(): EmulatorModuleOptions {
    const { appId, appKey, from, credentials } = this.#options;
    return { appId, appKey, from, endpoint: this.url, credentials };
  }

  /**
   * The room of that ID, which need not have been used before.
   * @throws TypeError for an illegal room ID
   */
  room(roomId: string): Presence {
    checkId('roomId', roomId);
    return new Presence(this.attendance, roomId);
  }

  /** @internal Who is in a room, or logged in. */
  presenceOf(roomId: string | undefined): Presence {
    return roomId === undefined ? this.loggedIn : this.room(roomId);
  }

  /**
   * Logs a user in, outside of rooms.
   * @throws TypeError for an illegal user ID
   */
  login(userId: string, options: JoinOptions = {}): Participant {
    return this.loggedIn.join(userId, options);
  }

  /** Forgets received requests, deliveries and callbacks. Rooms with their users and faults stay. */
  clear(): void {
    const { accepted, deliveries, attendance, callbacks } = this;
    for (const kept of [accepted, deliveries, attendance, callbacks.list, this.#requests]) kept.clear();
  }

  /** @internal Records a request, without its secrets. */
  addRequest(
    { method, headers, body }: ReceivedRequest,
    url: string,
    rest: Omit<RecordedRequest, 'method' | 'url' | 'headers' | 'body'>,
  ): void {
    const shown = { url: this.#secrets.shownUrl(url), headers: this.#secrets.shownHeaders(headers) };
    const bytes = REQUEST_BYTES + HEADER_BYTES * headers.size + JSON.stringify(shown).length + body.length;
    this.#requests.add({ ...rest, method, ...shown, body }, bytes);
  }
}
