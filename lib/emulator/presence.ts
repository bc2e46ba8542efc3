import { idProblem } from '../dto/field-rules.js';
import { BoundedList } from './bounded-list.js';
import type { RtcEventType } from '../callbacks/rtc-callback-event.js';
import type { LeaveReason } from './callback.js';
import type { Callbacks } from './callbacks.js';
import { ensure } from './http-error.js';
import { Participant, type ReceivedMessage } from './participant.js';
import { type ParticipantReceiver, useReceiver } from './participant-receiver.js';
import { type ClientToken, readToken } from './read-token.js';
import type { ResolvedEmulatorOptions } from './rtc-emulator-options.js';

/** How a user comes. */
export interface JoinOptions {
  /** The token that the client joins or logs in with: checked if it is given, and needed with `requireTokens`. */
  readonly token?: string | undefined;
  /** Whether the user watches unseen. Default false. */
  readonly invisible?: boolean | undefined;
  /**
   * Whether the user's app uses the receiver (`nestjs-rtc-messaging/receiver`), which fills `shown` and confirms by
   * `sendServerMessage()` once `setServerParams()` was called. Default false. Experimental.
   */
  readonly receiver?: boolean | ParticipantReceiver | undefined;
}

/** What a message takes up beside its content, and each who received it. */
const MESSAGE_BYTES = 512;
const RECIPIENT_BYTES = 64;
/** Where those are who are in no room: a room's ID is never empty. */
const LOGGED_IN = '';
const NO_ONE: ReadonlyMap<string, Participant> = new Map();

interface Delivery {
  readonly message: ReceivedMessage;
  readonly participants: readonly Participant[];
}

/** Who is where, under which user ID, and what they received. The oldest is forgotten first. */
export class Attendance {
  /** Who is there, by the place: rooms, and {@link LOGGED_IN}. */
  readonly #places = new Map<string, Map<string, Participant>>();
  readonly #deliveries: BoundedList<Delivery>;
  // Private to the language: whoever prints it must not print the app's key.
  readonly #options: ResolvedEmulatorOptions;
  /** How many messages are no longer in a participant's `received`, each counted for each participant. */
  droppedReceived = 0;

  constructor(
    options: ResolvedEmulatorOptions,
    private readonly now: () => number,
    private readonly callbacks: Callbacks,
  ) {
    this.#options = options;
    this.#deliveries = new BoundedList(options.keepBytes / 16, (dropped) => this.#drop(dropped));
  }

  /** The rooms in which someone is. */
  get rooms(): readonly Presence[] {
    return [...this.#places.keys()].filter((id) => id !== LOGGED_IN).map((id) => new Presence(this, id));
  }

  presentAt(id: string): ReadonlyMap<string, Participant> {
    return this.#places.get(id) ?? NO_ONE;
  }

  /** Lets a user come, and puts out one who is there under the same ID. */
  join(id: string, userId: string, { invisible = false, receiver, ...given }: JoinOptions): Participant {
    const token = this.check(id, userId, given.token);
    const roomId = id === LOGGED_IN ? undefined : id;
    const participant = new Participant(userId, roomId, invisible, token, this.callbacks, (reason) =>
      this.#remove(id, participant, reason),
    );
    if (receiver) useReceiver(participant, receiver === true ? {} : receiver, this.#options.from);
    const place = this.#places.get(id) ?? new Map<string, Participant>();
    const replaced = place.get(userId);
    if (replaced !== undefined) this.#tellOf(replaced, 'LeaveRoom', 'duplicateLogin');
    if (place.size === 0) this.#tell('RoomCreate', roomId);
    this.#places.set(id, place.set(userId, participant));
    this.#tellOf(participant, 'JoinRoom');
    // At last: a listener may well join again, and so replace the new one.
    replaced?.close(true);
    return participant;
  }

  /**
   * What the token says of a user who comes.
   * @throws TypeError for an illegal user ID, HttpError for a token that is not good, or where there has to be one
   */
  check(roomId: string, userId: string, token: string | undefined): ClientToken | undefined {
    checkId('userId', userId);
    if (token !== undefined) return readToken(token, { userId, roomId }, this.#options, this.now());
    ensure(!this.#options.requireTokens, 401, 'token: is missing');
    return undefined;
  }

  /** Has participants receive a message. @returns those who did: others have left, or lost it */
  deliver(message: ReceivedMessage, to: readonly Participant[]): readonly Participant[] {
    const participants = to.filter((participant) => participant.receive(message));
    const { message: content } = message;
    // A string may have two bytes for each of its units.
    const size = typeof content === 'string' ? content.length * 2 : content.byteLength;
    if (participants.length > 0) {
      const bytes = MESSAGE_BYTES + size + participants.length * RECIPIENT_BYTES;
      this.#deliveries.add({ message, participants }, bytes);
    }
    return participants;
  }

  /** Forgets what was received. */
  clear(): void {
    this.#deliveries.clear();
    this.droppedReceived = 0;
    for (const participant of this.#everyone()) {
      participant.received.length = participant.droppedReceived = 0;
    }
  }

  /** Has nobody's app send any more, since the emulator closes. */
  close(): void {
    for (const participant of this.#everyone()) participant.close(false);
  }

  #everyone(): Participant[] {
    return [...this.#places.values()].flatMap((present) => [...present.values()]);
  }

  #remove(id: string, leaving: Participant, reason: LeaveReason): void {
    const present = this.#places.get(id);
    const { userId } = leaving;
    if (present?.get(userId) !== leaving) return;
    present.delete(userId);
    if (present.size === 0) this.#places.delete(id);
    this.#tellOf(leaving, 'LeaveRoom', reason);
    if (present.size === 0) this.#tell('RoomDestroy', leaving.roomId);
    leaving.close(true);
  }

  #tellOf(who: Participant, what: 'JoinRoom' | 'LeaveRoom', reason?: LeaveReason): void {
    this.#tell(`${who.invisible ? 'Invisible' : ''}User${what}`, who.roomId, who.userId, reason);
  }

  /** Of those who are outside of rooms, the service tells nothing. */
  #tell(action: RtcEventType, roomId: string | undefined, userId?: string, reason?: LeaveReason): void {
    if (roomId !== undefined) this.callbacks.tell({ action, roomId, userId }, reason);
  }

  #drop(deliveries: readonly Delivery[]): void {
    const messages = new Set(deliveries.map(({ message }) => message));
    for (const participant of new Set(deliveries.flatMap(({ participants }) => participants))) {
      // None, where a test has emptied its participant's list by itself.
      const kept = participant.received.findIndex((message) => !messages.has(message));
      const dropped = participant.received.splice(0, kept < 0 ? Infinity : kept).length;
      participant.droppedReceived += dropped;
      this.droppedReceived += dropped;
    }
  }
}

/** Who is in a room, or logged in outside of rooms. */
export class Presence {
  readonly #attendance: Attendance;

  /** @internal Rooms come from `emulator.room()`. */
  constructor(
    attendance: Attendance,
    /** The room's ID: 1–128 of `a-z A-Z 0-9 @ . _ -`. Empty outside of rooms. */
    readonly id = LOGGED_IN,
  ) {
    this.#attendance = attendance;
  }

  /** Who is there now. */
  get participants(): readonly Participant[] {
    return [...this.#attendance.presentAt(this.id).values()];
  }

  /**
   * Lets a user come. One who is there under the same ID is put out, as the real service does.
   * @throws TypeError for an illegal user ID, and an error with `httpStatus` 401 for a token that is not good
   */
  join(userId: string, options: JoinOptions = {}): Participant {
    return this.#attendance.join(this.id, userId, options);
  }

  /** A user who is there. */
  participant(userId: string): Participant | undefined {
    return this.#attendance.presentAt(this.id).get(userId);
  }

  /** @internal Those users who are there, each as often as they are named. */
  among(userIds: readonly string[]): readonly Participant[] {
    const there = this.#attendance.presentAt(this.id);
    if (there.size === 0) return [];
    return userIds.map((userId) => there.get(userId)).filter((participant) => participant !== undefined);
  }

  /** @internal @throws as `join()` does */
  check(userId: string, token: string | undefined): void {
    this.#attendance.check(this.id, userId, token);
  }
}

/** @throws TypeError for an illegal ID */
export function checkId(field: 'roomId' | 'userId', id: string): void {
  const problem = idProblem(id);
  if (problem !== undefined) throw new TypeError(`${field}: ${problem}`);
}
