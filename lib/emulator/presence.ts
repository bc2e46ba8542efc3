import type { Attendance } from './attendance.js';
import type { Participant } from './participant.js';

/** Who is somewhere, under which user ID. */
export class Presence {
  readonly #attendance: Attendance;
  readonly #place: string;

  /** @internal */
  constructor(attendance: Attendance, place: string) {
    this.#attendance = attendance;
    this.#place = place;
  }

  /** @internal Of those that are opened later, it is higher. */
  get number(): number {
    return this.#attendance.numberOf(this.#place);
  }

  /** Who is there now. */
  get participants(): readonly Participant[] {
    return [...this.#attendance.at(this.#place)];
  }

  /**
   * Lets a user come. One who is there under the same ID is put out, as the real service does.
   * @throws TypeError for an illegal user ID
   */
  join(userId: string): Participant {
    return this.#attendance.join(this.#place, userId);
  }

  /** A user who is there. */
  participant(userId: string): Participant | undefined {
    return this.#attendance.present(this.#place, userId);
  }

  /** A user who is there or was, unless the emulator has forgotten who left (`dropped.participants`). */
  lastSeen(userId: string): Participant | undefined {
    return this.participant(userId) ?? this.#attendance.departed(this.#place, userId);
  }

  /** @internal @throws NoRoomLeftError where another process can't be let in */
  checkRoomFor(userId: string): void {
    this.#attendance.checkRoomFor(this.#place, userId);
  }
}
