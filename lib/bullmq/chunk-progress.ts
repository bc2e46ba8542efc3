import type { FailureOutcome, Outcome } from '../errors/attempt.js';

/** What is to be written down of a chunk before a part of it is sent. */
export interface PartInFlight {
  /** Who may have been accepted if nothing more is heard: those of the part, and those of whom it is unknown. */
  readonly inFlight: readonly string[];
  /** Who has not been sent to, or was refused. */
  readonly rest: readonly string[];
  /** How many of the chunk were accepted before. */
  readonly accepted: number;
}

/** How far a chunk is that is sent in parts, one after another and in the chunk's order. */
export class ChunkProgress {
  #left: readonly string[];
  readonly #refused: string[] = [];
  readonly #unknown: string[] = [];
  #accepted = 0;
  #part: readonly string[] = [];

  constructor(recipients: readonly string[]) {
    this.#left = recipients;
  }

  /** A part is about to be sent: the first of those that are left. */
  begin(part: readonly string[]): PartInFlight {
    this.#part = part;
    return {
      inFlight: [...this.#unknown, ...part],
      rest: [...this.#refused, ...this.#left.slice(part.length)],
      accepted: this.#accepted,
    };
  }

  /** It is known what became of the part. */
  end(outcome: Outcome | FailureOutcome): void {
    if (outcome === 'not_attempted') return;
    this.#left = this.#left.slice(this.#part.length);
    if (outcome === 'accepted') this.#accepted += this.#part.length;
    else (outcome === 'unknown' ? this.#unknown : this.#refused).push(...this.#part);
    this.#part = [];
  }
}
