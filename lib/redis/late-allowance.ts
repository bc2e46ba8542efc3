/** Slots that are looked at, and after how many the allowance is weighed anew. */
const SAMPLES = 500;
const EVERY = 25;
export const MIN_LATE_MS = 2;
/** What may leave at once after the process stood still is no more than a burst. */
export const MAX_LATE_MS = 25;

/**
 * How late a slot may still be used, in milliseconds. A slot that is lost is a request less; every millisecond that
 * is allowed for is one more over which a second's requests are spread, so that it costs a thousandth of all. The
 * allowance is where both together cost the least, by how late this process's timers were.
 */
export class LateAllowance {
  readonly #samples = new Float64Array(SAMPLES);
  #count = 0;
  #lateMs = 5;

  get lateMs(): number {
    return this.#lateMs;
  }

  observe(lateMs: number): void {
    this.#samples[this.#count % SAMPLES] = lateMs;
    this.#count += 1;
    if (this.#count % EVERY === 0) this.#weigh();
  }

  #weigh(): void {
    const sorted = this.#samples.slice(0, Math.min(this.#count, SAMPLES)).sort();
    let least = Number.POSITIVE_INFINITY;
    for (const [index, late] of sorted.entries()) {
      const allowed = Math.min(Math.max(late, MIN_LATE_MS), MAX_LATE_MS);
      const lost = late > allowed ? sorted.length - index : sorted.length - index - 1;
      const cost = allowed / 1_000 + lost / sorted.length;
      if (cost < least) {
        least = cost;
        this.#lateMs = allowed;
      }
    }
  }
}
