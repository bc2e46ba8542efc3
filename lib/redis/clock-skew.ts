/** What clocks may drift by, when one of them is being corrected: so many milliseconds, and so many more a second. */
const DRIFT_MS = 2;
const DRIFT_A_SECOND = 1;

/**
 * How far this process's monotonic clock is ahead of Redis's, in milliseconds. Redis told its time somewhere
 * between question and answer; what all answers allow is exact to the fastest of them, however long the others took.
 */
export class ClockSkew {
  #least = Number.NEGATIVE_INFINITY;
  #most = Number.POSITIVE_INFINITY;
  #at = 0;

  get isKnown(): boolean {
    return this.#most < Number.POSITIVE_INFINITY;
  }

  /** How long a question and its answer take at least; 0 while that is not known. */
  get roundTripMs(): number {
    return this.isKnown ? this.#most - this.#least : 0;
  }

  /** @returns whether it fits what is known; if not, Redis's clock was set, or it is another Redis */
  record(askedAt: number, serverNow: number, answeredAt: number): boolean {
    const drift = ((answeredAt - this.#at) / 1_000) * DRIFT_A_SECOND;
    const [least, most] = [askedAt - serverNow, answeredAt - serverNow];
    const [knownLeast, knownMost] = [this.#least - drift, this.#most + drift];
    const apart = Math.max(least - knownMost, knownLeast - most);
    // What the last answer does not allow was of the clock as it was before.
    this.#least = apart > 0 ? least : Math.max(least, knownLeast);
    this.#most = apart > 0 ? most : Math.min(most, knownMost);
    this.#at = answeredAt;
    return apart <= DRIFT_MS;
  }

  /** Late rather than early. */
  toLocal(serverTime: number): number {
    return serverTime + this.#most;
  }

  /** Late rather than early. */
  toServer(localTime: number): number {
    return localTime - this.#least;
  }
}
