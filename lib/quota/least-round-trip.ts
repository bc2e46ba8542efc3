/** How far back is looked: this many buckets of a second. */
const BUCKETS = 10;
const BUCKET_MS = 1_000;
/** The first answers of a process are slow, since code is compiled and connections are opened; and those after a gap. */
const FIRST_ANSWERS = 500;

/** The least round trip of the last ten seconds: what the way takes at least, however busy the service is. */
export class LeastRoundTrip {
  readonly #buckets: { readonly began: number; least: number }[] = [];
  #answers = 0;
  #answeredAt = -Infinity;
  /** What was let go before says nothing of the way. */
  #validFrom = -Infinity;

  /** Zero until there have been enough answers to go by. In milliseconds. */
  ms(now: number): number {
    while (now - (this.#buckets[0]?.began ?? now) >= BUCKETS * BUCKET_MS) this.#buckets.shift();
    if (this.#answers < FIRST_ANSWERS || this.#buckets.length === 0) return 0;
    let least = Infinity;
    for (const bucket of this.#buckets) least = Math.min(least, bucket.least);
    return least;
  }

  /** Something that was let go then has been answered now. */
  record(takenAt: number, now: number): void {
    // After a silence, what comes first was held up by whatever that was.
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
