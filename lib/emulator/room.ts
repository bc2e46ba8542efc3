import { idProblem } from '../dto/field-rules.js';
import { Participant, type ReceivedMessage } from './participant.js';

/** A room and who is in it. */
export class Room {
  readonly #participants = new Map<string, Participant>();
  /** Who has left, so that what they received can still be asked for; beyond `keep`, the first are forgotten. */
  readonly #departed = new Map<string, Participant>();

  /** @internal Rooms come from `emulator.room()`. */
  constructor(
    readonly id: string,
    private readonly keep: number,
  ) {
    const problem = idProblem(id);
    if (problem !== undefined) throw new TypeError(`roomId: ${problem}`);
  }

  /** Who is in it now. */
  get participants(): readonly Participant[] {
    return [...this.#participants.values()];
  }

  /**
   * Puts a user into the room. One who is in it under the same ID is put out, as the real service does.
   * @throws TypeError for an illegal user ID
   */
  join(userId: string): Participant {
    const problem = idProblem(userId);
    if (problem !== undefined) throw new TypeError(`userId: ${problem}`);
    this.#participants.get(userId)?.leave();
    this.#departed.delete(userId);
    const participant = new Participant(userId, this.keep, (leaving) => this.#remove(leaving));
    this.#participants.set(userId, participant);
    return participant;
  }

  /** A user who is in the room. */
  participant(userId: string): Participant | undefined {
    return this.#participants.get(userId);
  }

  /** A user who is in the room or was. */
  lastSeen(userId: string): Participant | undefined {
    return this.#participants.get(userId) ?? this.#departed.get(userId);
  }

  /** @internal Whoever is not in the room receives nothing. */
  deliver(userId: string, message: ReceivedMessage): void {
    this.#participants.get(userId)?.receive(message);
  }

  #remove(leaving: Participant): void {
    if (this.#participants.get(leaving.userId) !== leaving) return;
    this.#participants.delete(leaving.userId);
    this.#departed.set(leaving.userId, leaving);
    const [first] = this.#departed.keys();
    if (first !== undefined && this.#departed.size > this.keep) this.#departed.delete(first);
    leaving.emit('left');
  }
}
