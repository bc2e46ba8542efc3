/** The window, in seconds of the clock. */
const SECONDS = 10;
const SECOND_MS = 1_000;
/**
 * Number of answers before the round trip counts. The first answers are slow while code is compiled and connections are
 * opened, and so are those after a gap.
 */
const FIRST_ANSWERS = 500;

/** The least round trip of the last ten seconds. It estimates the time that the network alone takes. */
export class LeastRoundTrip {
  /** The least of each second, by the number of the second. */
  readonly #leastOf = new Map<number, number>();
  #answers = 0;
  #answeredAt = -Infinity;
  /** Requests that were sent before this time are ignored. */
  #validFrom = 0;

  /** The least round trip in milliseconds. Zero until enough answers were recorded. */
  ms(now: number): number {
    this.#forget(now);
    if (this.#answers < FIRST_ANSWERS || this.#leastOf.size === 0) return 0;
    return Math.min(...this.#leastOf.values());
  }

  /** Records the answer to a request that was sent at `takenAt`. */
  record(takenAt: number, now: number): void {
    // The first answers after a silence were held up by its cause.
    if (now - this.#answeredAt > SECOND_MS) {
      this.#validFrom = now;
      this.#answers = 0;
    }
    this.#answeredAt = now;
    if (takenAt < this.#validFrom) return;
    this.#answers += 1;
    this.#forget(now);
    const second = Math.floor(now / SECOND_MS);
    this.#leastOf.set(second, Math.min(this.#leastOf.get(second) ?? Infinity, now - takenAt));
  }

  #forget(now: number): void {
    for (const second of this.#leastOf.keys()) {
      if (second > now / SECOND_MS - SECONDS) return;
      this.#leastOf.delete(second);
    }
  }
}
