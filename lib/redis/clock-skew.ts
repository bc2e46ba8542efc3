/** Tolerated drift while a clock is being corrected: this many milliseconds, plus this many for each second since. */
const DRIFT_MS = 2;
const DRIFT_A_SECOND = 1;

/**
 * The skew between this process's monotonic clock and Redis's clock, in milliseconds. Redis read its clock between the
 * command and its answer, so each answer gives a range for the skew. The intersection of all ranges is as exact as the
 * fastest answer.
 */
export class ClockSkew {
  #least = Number.NEGATIVE_INFINITY;
  #most = Number.POSITIVE_INFINITY;
  #at = 0;

  get isKnown(): boolean {
    return this.#most < Number.POSITIVE_INFINITY;
  }

  /** Least round trip of a command. 0 while unknown. */
  get roundTripMs(): number {
    return this.isKnown ? this.#most - this.#least : 0;
  }

  /** @returns whether the answer fits the known skew. If not, Redis's clock was set, or this is another Redis. */
  record(askedAt: number, serverNow: number, answeredAt: number): boolean {
    const drift = ((answeredAt - this.#at) / 1_000) * DRIFT_A_SECOND;
    const [least, most] = [askedAt - serverNow, answeredAt - serverNow];
    const [knownLeast, knownMost] = [this.#least - drift, this.#most + drift];
    const apart = Math.max(least - knownMost, knownLeast - most);
    // The ranges before are of the clock before it was set.
    this.#least = apart > 0 ? least : Math.max(least, knownLeast);
    this.#most = apart > 0 ? most : Math.min(most, knownMost);
    this.#at = answeredAt;
    return apart <= DRIFT_MS;
  }

  /** Converts to this process's clock, rounding toward late. */
  toLocal(serverTime: number): number {
    return serverTime + this.#most;
  }

  /** Converts to Redis's clock, rounding toward late. */
  toServer(localTime: number): number {
    return localTime - this.#least;
  }
}
