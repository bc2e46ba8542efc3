/** The window: ten buckets of one second. */
const BUCKETS = 10;
const BUCKET_MS = 1_000;
/**
 * Number of answers before the round trip counts. The first answers are slow while code is compiled and connections are
 * opened, and so are those after a gap.
 */
const FIRST_ANSWERS = 500;

/** The least round trip of the last ten seconds. It estimates the time that the network alone takes. */
export class LeastRoundTrip {
  readonly #buckets: { readonly began: number; least: number }[] = [];
  #answers = 0;
  #answeredAt = -Infinity;
  /** Requests that were sent before this time are ignored. */
  #validFrom = -Infinity;

  /** The least round trip in milliseconds. Zero until enough answers were recorded. */
  ms(now: number): number {
    while (now - (this.#buckets[0]?.began ?? now) >= BUCKETS * BUCKET_MS) this.#buckets.shift();
    if (this.#answers < FIRST_ANSWERS || this.#buckets.length === 0) return 0;
    let least = Infinity;
    for (const bucket of this.#buckets) least = Math.min(least, bucket.least);
    return least;
  }

  /** Records the answer to a request that was sent at `takenAt`. */
  record(takenAt: number, now: number): void {
    // The first answers after a silence were held up by its cause.
    if (now - this.#answeredAt > BUCKET_MS) {
      this.#validFrom = now;
      this.#answers = 0;
    }
    this.#answeredAt = now;
    if (takenAt < this.#validFrom) return;
    this.#answers += 1;
    const last = this.#buckets.at(-1);
    if (last === undefined || now - last.began >= BUCKET_MS) {
      this.#buckets.push({ began: now, least: now - takenAt });
    } else last.least = Math.min(last.least, now - takenAt);
  }
}
