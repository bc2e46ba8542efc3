import { idProblem } from '../dto/field-rules.js';
import { Participant, type ReceivedMessage } from './participant.js';

/** Who is somewhere, under which user ID. */
export class Presence {
  readonly #participants = new Map<string, Participant>();
  /** Who has left, so that what they received can still be asked for; beyond `keep`, the first are forgotten. */
  readonly #departed = new Map<string, Participant>();

  /** @internal */
  constructor(private readonly keep: number) {}

  /** Who is there now. */
  get participants(): readonly Participant[] {
    return [...this.#participants.values()];
  }

  /**
   * Lets a user come. One who is there under the same ID is put out, as the real service does.
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

  /** A user who is there. */
  participant(userId: string): Participant | undefined {
    return this.#participants.get(userId);
  }

  /** A user who is there or was. */
  lastSeen(userId: string): Participant | undefined {
    return this.#participants.get(userId) ?? this.#departed.get(userId);
  }

  /** @internal Whoever is not there receives nothing. */
  deliver(userId: string, message: ReceivedMessage): void {
    this.#participants.get(userId)?.receive(message);
  }

  /** @internal Forgets what was received, also by those who have left. */
  clear(): void {
    for (const { received } of this.#participants.values()) received.length = 0;
    this.#departed.clear();
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
