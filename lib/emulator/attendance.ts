import { idProblem } from '../dto/field-rules.js';
import { Participant } from './participant.js';

interface Place {
  readonly number: number;
  readonly present: Map<string, Participant>;
  /** How many of those who left are remembered. */
  departed: number;
}

/** What a participant takes up, without what was received. */
const PARTICIPANT_BYTES = 1_024;

/** Why someone from outside can't come in. */
export class NoRoomLeftError extends Error {}

/** Who is where, under which user ID, and who was. A place is a room's ID, or '' for being logged in. */
export class Attendance {
  readonly #places = new Map<string, Place>();
  /** Who has left, so that what they received can still be asked for: the first to leave are forgotten first. */
  readonly #departed = new Map<string, Participant>();
  readonly #maxParticipants: number;
  #present = 0;
  #forgotten = 0;
  #numbers = 0;

  constructor(bytes: number) {
    this.#maxParticipants = Math.floor(bytes / PARTICIPANT_BYTES);
  }

  /** How many who have left were forgotten. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** The places in which someone is, or was who is not forgotten. */
  get places(): Iterable<string> {
    return this.#places.keys();
  }

  /** Of a place in which someone is, or was: those that are opened later have a higher one. */
  numberOf(place: string): number {
    return this.#places.get(place)?.number ?? 0;
  }

  /** Who is there now. */
  at(place: string): Iterable<Participant> {
    return this.#places.get(place)?.present.values() ?? [];
  }

  present(place: string, userId: string): Participant | undefined {
    return this.#places.get(place)?.present.get(userId);
  }

  departed(place: string, userId: string): Participant | undefined {
    return this.#departed.get(`${place}/${userId}`);
  }

  /** @throws NoRoomLeftError where another process can't be let in */
  checkRoomFor(place: string, userId: string): void {
    if (this.#present < this.#maxParticipants || this.present(place, userId) !== undefined) return;
    throw new NoRoomLeftError(
      `There are ${this.#present} participants; for more, start the emulator with a larger keepBytes`,
    );
  }

  /** Lets a user come, and puts out one who is there under the same ID. */
  join(place: string, userId: string): Participant {
    const problem = idProblem(userId);
    if (problem !== undefined) throw new TypeError(`userId: ${problem}`);
    this.present(place, userId)?.leave();
    this.#forget(place, userId);
    const participant = new Participant(userId, this.#nextNumber(), (leaving) =>
      this.#remove(place, leaving),
    );
    this.#open(place).present.set(userId, participant);
    this.#present += 1;
    this.#trim();
    return participant;
  }

  /** Forgets who has left, and what was received. */
  clear(): void {
    for (const [key] of this.#departed) this.#forget(...split(key));
    for (const { present } of this.#places.values()) {
      for (const participant of present.values()) participant.forget();
    }
    this.#forgotten = 0;
  }

  #remove(place: string, leaving: Participant): void {
    const { present } = this.#open(place);
    if (present.get(leaving.userId) !== leaving) return;
    present.delete(leaving.userId);
    this.#present -= 1;
    this.#departed.set(`${place}/${leaving.userId}`, leaving);
    this.#open(place).departed += 1;
    this.#trim();
    leaving.hasLeft();
  }

  #trim(): void {
    if (this.#present + this.#departed.size <= this.#maxParticipants) return;
    // More than one at a time, since it takes a while to find the first of a map from which many were taken.
    for (const [key] of this.#departed) {
      if (this.#present + this.#departed.size <= this.#maxParticipants * 0.9) return;
      this.#forget(...split(key));
      this.#forgotten += 1;
    }
  }

  #forget(placeId: string, userId: string): void {
    if (!this.#departed.delete(`${placeId}/${userId}`)) return;
    const place = this.#open(placeId);
    place.departed -= 1;
    if (place.departed === 0 && place.present.size === 0) this.#places.delete(placeId);
  }

  #nextNumber(): number {
    return this.#numbers++;
  }

  #open(id: string): Place {
    let place = this.#places.get(id);
    if (place === undefined)
      this.#places.set(id, (place = { number: this.#nextNumber(), present: new Map(), departed: 0 }));
    return place;
  }
}

/** IDs have no slash. */
function split(key: string): [place: string, userId: string] {
  const at = key.indexOf('/');
  return [key.slice(0, at), key.slice(at + 1)];
}
