import { idProblem } from '../dto/field-rules.js';
import { HttpError } from './http-error.js';
import { Participant, type ParticipantService } from './participant.js';
import { checkReceiver, type ParticipantReceiver, useReceiver } from './participant-receiver.js';
import type { ClientToken } from './read-token.js';
import type { LeaveReason, RoomEvent } from './room-events.js';
import type { Warnings } from './warnings.js';

/** A room, or that of those who are logged in outside of rooms. */
interface Place {
  readonly number: number;
  readonly present: Map<string, Participant>;
  /** Who has left, so that what they received can still be asked for. */
  readonly departed: Map<string, Participant>;
}

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

/** What the service does about those who come and go. */
export interface AttendanceService extends Pick<ParticipantService, 'post'> {
  /** What a token says. @throws HttpError where it is not good, or where there has to be one */
  checkToken(
    who: { readonly userId: string; readonly roomId: string },
    token: string | undefined,
  ): ClientToken | undefined;
  /** Tells the business server of an event. */
  tell(event: RoomEvent): void;
  readonly warnings: Warnings;
}

/** What a participant takes up, without what was received. */
const PARTICIPANT_BYTES = 1_024;
/** Where those are who are in no room: a room's ID is never empty. */
const LOGGED_IN = '';

/** Who is where, under which user ID, and who was: the first to leave are forgotten first. */
export class Attendance {
  readonly #places = new Map<string, Place>();
  /** Who has left, from all places, in the order of leaving. */
  readonly #departed = new Set<Participant>();
  readonly #maxParticipants: number;
  #present = 0;
  /** How many who have left were forgotten. */
  forgotten = 0;
  #numbers = 0;

  constructor(
    bytes: number,
    readonly service: AttendanceService,
    /** Under which user ID the business server sends, unless a receiver is told otherwise. */
    readonly from = 'server',
  ) {
    this.#maxParticipants = Math.floor(bytes / PARTICIPANT_BYTES);
  }

  /** The rooms in which someone is, or was who is not forgotten. */
  get rooms(): readonly Room[] {
    return [...this.#places.keys()].filter((id) => id !== LOGGED_IN).map((id) => new Room(this, id));
  }

  place(id: string): Place | undefined {
    return this.#places.get(id);
  }

  /** @throws HttpError where another process can't be let in */
  checkRoomFor(id: string, userId: string): void {
    if (this.#present < this.#maxParticipants || this.place(id)?.present.has(userId)) return;
    throw new HttpError(
      503,
      `There are ${this.#present} participants; for more, start the emulator with a larger keepBytes`,
    );
  }

  /** Lets a user come, and puts out one who is there under the same ID. */
  join(id: string, userId: string, options: JoinOptions): Participant {
    checkId('userId', userId);
    const { invisible = false } = options;
    const receiver = checkReceiver(options.receiver);
    const token = this.service.checkToken({ userId, roomId: id }, options.token);
    const isFirst = (this.place(id)?.present.size ?? 0) === 0;
    this.place(id)?.present.get(userId)?.leave('duplicateLogin');
    this.#forget(this.place(id)?.departed.get(userId));
    const roomId = id === LOGGED_IN ? undefined : id;
    const participant = new Participant(userId, roomId, this.#numbers++, invisible, token, {
      remove: (leaving, reason) => this.#remove(id, leaving, reason),
      post: (message) => this.service.post(message),
    });
    if (receiver !== undefined) useReceiver(participant, receiver, this.from, this.service.warnings);
    this.#open(id).present.set(userId, participant);
    this.#present += 1;
    this.#trim();
    if (isFirst) this.#tell({ type: 'RoomCreate', roomId: id });
    this.#tell({ type: invisible ? 'InvisibleUserJoinRoom' : 'UserJoinRoom', roomId: id, userId });
    return participant;
  }

  #tell(event: RoomEvent): void {
    // Of those who are outside of rooms, the service tells nothing.
    if (event.roomId !== LOGGED_IN) this.service.tell(event);
  }

  /** Forgets who has left, and what was received. */
  clear(): void {
    for (const participant of this.#departed) this.#forget(participant);
    for (const { present } of this.#places.values()) {
      for (const participant of present.values()) participant.forget();
    }
    this.forgotten = 0;
  }

  /** Has nobody's app send any more, since the emulator closes. */
  close(): void {
    for (const { present } of this.#places.values()) {
      for (const participant of present.values()) participant.hasLeft();
    }
  }

  #open(id: string): Place {
    let place = this.#places.get(id);
    if (place === undefined) {
      place = { number: this.#numbers++, present: new Map(), departed: new Map() };
      this.#places.set(id, place);
    }
    return place;
  }

  #remove(id: string, leaving: Participant, reason: LeaveReason): void {
    const { present, departed } = this.#open(id);
    const { userId, invisible } = leaving;
    if (present.get(userId) !== leaving) return;
    present.delete(userId);
    this.#present -= 1;
    departed.set(userId, leaving);
    this.#departed.add(leaving);
    this.#trim();
    this.#tell({ type: invisible ? 'InvisibleUserLeaveRoom' : 'UserLeaveRoom', roomId: id, userId, reason });
    // One who is replaced leaves no empty room.
    if (present.size === 0 && reason !== 'duplicateLogin') this.#tell({ type: 'RoomDestroy', roomId: id });
    leaving.hasLeft();
  }

  #trim(): void {
    if (this.#present + this.#departed.size <= this.#maxParticipants) return;
    // More than one at a time, since it takes a while to find the first of a map from which many were taken.
    for (const participant of this.#departed) {
      if (this.#present + this.#departed.size <= this.#maxParticipants * 0.9) return;
      this.#forget(participant);
      this.forgotten += 1;
    }
  }

  #forget(participant: Participant | undefined): void {
    if (participant === undefined) return;
    const { userId, roomId = LOGGED_IN } = participant;
    this.#departed.delete(participant);
    const { present, departed } = this.#open(roomId);
    departed.delete(userId);
    if (departed.size === 0 && present.size === 0) this.#places.delete(roomId);
  }
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

  /** @internal Of those that are opened later, it is higher. */
  get number(): number {
    return this.#attendance.place(this.#id)?.number ?? 0;
  }

  /** Who is there now. */
  get participants(): readonly Participant[] {
    return [...(this.#attendance.place(this.#id)?.present.values() ?? [])];
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
    return this.#attendance.place(this.#id)?.present.get(userId);
  }

  /** A user who is there or was, unless the emulator has forgotten who left (`dropped.participants`). */
  lastSeen(userId: string): Participant | undefined {
    return this.participant(userId) ?? this.#attendance.place(this.#id)?.departed.get(userId);
  }

  /** @internal @throws HttpError where another process can't be let in */
  checkRoomFor(userId: string, token: string | undefined): void {
    this.#attendance.service.checkToken({ userId, roomId: this.#id }, token);
    this.#attendance.checkRoomFor(this.#id, userId);
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
