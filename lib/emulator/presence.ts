import { idProblem } from '../dto/field-rules.js';
import { BoundedList } from './bounded-list.js';
import type { Callbacks } from './callbacks.js';
import { Participant, type ReceivedMessage } from './participant.js';
import { type ParticipantReceiver, useReceiver } from './participant-receiver.js';
import type { ClientToken } from './read-token.js';
import type { LeaveReason, RoomEvent } from './room-events.js';

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

/** What a participant takes up without what was received, a message beside its content, and each who received it. */
const PARTICIPANT_BYTES = 1_024;
const MESSAGE_BYTES = 512;
const RECIPIENT_BYTES = 64;
/** Where those are who are in no room: a room's ID is never empty. */
const LOGGED_IN = '';
const NO_ONE: ReadonlyMap<string, Participant> = new Map();

/** What an emulator does about those who come and go. */
export interface AttendanceOptions {
  /** How many bytes of users who have left are kept, and of received messages. */
  readonly departedBytes: number;
  readonly receivedBytes: number;
  readonly callbacks: Callbacks;
  /** Under which user ID the business server sends, unless a receiver is told otherwise. */
  readonly from: string;
  /** What a token says. @throws HttpError where it is not good, or where there has to be one */
  checkToken(userId: string, roomId: string, token: string | undefined): ClientToken | undefined;
}

interface Delivery {
  readonly message: ReceivedMessage;
  readonly participants: readonly Participant[];
}

/** Who is where, under which user ID, and who was, with what they received. The oldest is forgotten first. */
export class Attendance {
  /** Who is there, by the place: rooms, and {@link LOGGED_IN}. */
  readonly #places = new Map<string, Map<string, Participant>>();
  /** Who has left, so that what they received can still be asked for: by place and user, in the order of leaving. */
  readonly #departed = new Map<string, Participant>();
  readonly #deliveries: BoundedList<Delivery>;
  /** How many who have left were forgotten. */
  forgotten = 0;
  /** How many messages are no longer in a participant's `received`, each counted for each participant. */
  droppedReceived = 0;

  constructor(readonly options: AttendanceOptions) {
    this.#deliveries = new BoundedList(options.receivedBytes, (dropped) => this.#drop(dropped));
  }

  /** The rooms in which someone is. */
  get rooms(): readonly Room[] {
    return [...this.#places.keys()].filter((id) => id !== LOGGED_IN).map((id) => new Room(this, id));
  }

  presentAt(id: string): ReadonlyMap<string, Participant> {
    return this.#places.get(id) ?? NO_ONE;
  }

  departedFrom(id: string, userId: string): Participant | undefined {
    return this.#departed.get(keyOf(id, userId));
  }

  /** Lets a user come, and puts out one who is there under the same ID. */
  join(id: string, userId: string, { invisible = false, receiver, ...given }: JoinOptions): Participant {
    checkId('userId', userId);
    const { callbacks, from, checkToken } = this.options;
    const token = checkToken(userId, id, given.token);
    const roomId = id === LOGGED_IN ? undefined : id;
    const participant = new Participant(userId, roomId, invisible, token, callbacks, (reason) =>
      this.#remove(id, participant, reason),
    );
    if (receiver) useReceiver(participant, receiver === true ? {} : receiver, from);
    const isFirst = this.presentAt(id).size === 0;
    this.presentAt(id).get(userId)?.leave('duplicateLogin');
    this.#departed.delete(keyOf(id, userId));
    const place = this.#places.get(id) ?? new Map<string, Participant>();
    this.#places.set(id, place.set(userId, participant));
    if (isFirst) this.#tell({ type: 'RoomCreate', roomId: id });
    this.#tell({ type: invisible ? 'InvisibleUserJoinRoom' : 'UserJoinRoom', roomId: id, userId });
    return participant;
  }

  /** Notes what these participants have received. */
  addReceived(message: ReceivedMessage, participants: readonly Participant[]): void {
    const { message: content } = message;
    // A string may have two bytes for each of its units.
    const size = typeof content === 'string' ? content.length * 2 : content.byteLength;
    this.#deliveries.add(
      { message, participants },
      MESSAGE_BYTES + size + participants.length * RECIPIENT_BYTES,
    );
  }

  /** Forgets who has left, and what was received. */
  clear(): void {
    this.#departed.clear();
    this.#deliveries.clear();
    this.forgotten = this.droppedReceived = 0;
    for (const participant of this.#everyone()) participant.forget();
  }

  /** Has nobody's app send any more, since the emulator closes. */
  close(): void {
    for (const participant of this.#everyone()) participant.hasLeft();
  }

  #everyone(): Participant[] {
    return [...this.#places.values()].flatMap((present) => [...present.values()]);
  }

  #remove(id: string, leaving: Participant, reason: LeaveReason): void {
    const present = this.#places.get(id);
    const { userId, invisible } = leaving;
    if (present?.get(userId) !== leaving) return;
    present.delete(userId);
    if (present.size === 0) this.#places.delete(id);
    this.#departed.set(keyOf(id, userId), leaving);
    for (const key of this.#departed.keys()) {
      if (this.#departed.size * PARTICIPANT_BYTES <= this.options.departedBytes) break;
      this.#departed.delete(key);
      this.forgotten += 1;
    }
    this.#tell({ type: invisible ? 'InvisibleUserLeaveRoom' : 'UserLeaveRoom', roomId: id, userId, reason });
    // One who is replaced leaves no empty room.
    if (present.size === 0 && reason !== 'duplicateLogin') this.#tell({ type: 'RoomDestroy', roomId: id });
    leaving.hasLeft();
  }

  #tell(event: RoomEvent): void {
    // Of those who are outside of rooms, the service tells nothing.
    if (event.roomId !== LOGGED_IN) this.options.callbacks.tell(event);
  }

  #drop(deliveries: readonly Delivery[]): void {
    const dropped = new Map<Participant, number>();
    for (const { message, participants } of deliveries) {
      for (const participant of participants) {
        const before = dropped.get(participant) ?? 0;
        // A test may have emptied its participant's list by itself.
        if (participant.received[before] === message) dropped.set(participant, before + 1);
      }
    }
    for (const [participant, count] of dropped) {
      participant.forget(count);
      this.droppedReceived += count;
    }
  }
}

function keyOf(id: string, userId: string): string {
  return `${id}/${userId}`;
}

/** Who is somewhere, under which user ID. */
export class Presence {
  readonly #attendance: Attendance;
  readonly #id: string;

  /** @internal */
  constructor(attendance: Attendance, id = LOGGED_IN) {
    this.#attendance = attendance;
    this.#id = id;
  }

  /** Who is there now. */
  get participants(): readonly Participant[] {
    return [...this.#attendance.presentAt(this.#id).values()];
  }

  /**
   * Lets a user come. One who is there under the same ID is put out, as the real service does.
   * @throws TypeError for an illegal user ID, and an error with `httpStatus` 401 for a token that is not good
   */
  join(userId: string, options: JoinOptions = {}): Participant {
    return this.#attendance.join(this.#id, userId, options);
  }

  /** A user who is there. */
  participant(userId: string): Participant | undefined {
    return this.#attendance.presentAt(this.#id).get(userId);
  }

  /** A user who is there or was, unless the emulator has forgotten who left (`dropped.participants`). */
  lastSeen(userId: string): Participant | undefined {
    return this.participant(userId) ?? this.#attendance.departedFrom(this.#id, userId);
  }

  /** @internal @throws HttpError for a token that is not good, or where there has to be one */
  checkToken(userId: string, token: string | undefined): void {
    this.#attendance.options.checkToken(userId, this.#id, token);
  }
}

/** A room and who is in it. */
export class Room extends Presence {
  /** @internal Rooms come from `emulator.room()`. */
  constructor(
    attendance: Attendance,
    /** 1–128 of `a-z A-Z 0-9 @ . _ -`. */
    readonly id: string,
  ) {
    super(attendance, id);
    checkId('roomId', id);
  }
}

/** @throws TypeError for an illegal ID */
export function checkId(field: 'roomId' | 'userId', id: string): void {
  const problem = idProblem(id);
  if (problem !== undefined) throw new TypeError(`${field}: ${problem}`);
}
