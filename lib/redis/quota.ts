/**
 * Slots that have been taken: the first is due after `delayMs`, the others `intervalMs` apart. No slots: there
 * are none yet, and it is worth asking again after `delayMs`.
 *
 * A negative delay is of slots that are late already: an answer may take its time.
 */
export interface Reservation {
  /** How many have been taken. */
  readonly slots: number;
  /** Until the first is due, or until it is worth asking again: milliseconds from now. */
  readonly delayMs: number;
  /** From one slot to the next, in milliseconds. */
  readonly intervalMs: number;
  /** Why there will be none for now, so that whoever waits is refused: a sentence, without its full stop. */
  readonly unavailable?: string;
}

/** A schedule whose limit may change while it is used. */
export interface AdjustableQuota extends Quota {
  limit: number;
}

/**
 * Where slots come from: this process's own schedule, or one that several processes share. Delays are
 * relative, since the clocks of processes differ.
 */
export interface Quota {
  /** How many slots are worth taking at once: one where that costs nothing. */
  readonly batchSize: number;
  /** Between slots at present, in milliseconds: for estimates. */
  readonly intervalMs: number;
  /** How long it is until the next slot, in milliseconds, as far as is known: for estimates. */
  readonly heldMs: number;
  /**
   * How long before the slots run out the next ones are to be asked for, in milliseconds: as long as an answer
   * takes. Default 0: when they have run out.
   */
  readonly leadMs?: number;
  /** How late a slot may still be used, in milliseconds. Default 5. */
  readonly lateMs?: number;
  /** A slot came up so late, in milliseconds, and was used or lost. */
  observeLateness?(lateMs: number): void;
  /** Takes up to so many of the next slots. Never rejects. */
  reserve(slots: number): Reservation | Promise<Reservation>;
  /** So long went by, in milliseconds, from a slot to the answer of the request that used it. */
  observeRoundTrip(roundTripMs: number): void;
  /** The service refused a request because the quota was used up, and asks to wait so long (0: it does not say). */
  throttled(retryAfterMs: number): void;
}
