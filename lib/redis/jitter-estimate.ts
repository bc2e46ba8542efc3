import { BURST_SHARE } from './paced-rate.js';

/** Round trips that are looked at: a second's worth at the vendor's quota, which is as long as it remembers. */
const SAMPLES = 500;
/** A new estimate is made after so many. */
const EVERY = 25;
/** As many as the burst may be slower than what is allowed for: there is room for so many at once in any case. */
const QUANTILE = 1 - BURST_SHARE;
/** Less is not believed: the next second may be noisier. */
export const MIN_JITTER_MS = 10;
/** More would be another kind of trouble than jitter. */
export const MAX_JITTER_MS = 1_000;

/**
 * How much requests' times on the way differ, in milliseconds, by the spread of their round trips. That is
 * more than the spread of arrivals, since the way back and the service's work are in it: the safe side.
 */
export class JitterEstimate {
  readonly #samples = new Float64Array(SAMPLES);
  #count = 0;
  #jitterMs = MIN_JITTER_MS;

  get jitterMs(): number {
    return this.#jitterMs;
  }

  /** @returns whether the estimate is a new one */
  observe(roundTripMs: number): boolean {
    this.#samples[this.#count % SAMPLES] = roundTripMs;
    this.#count += 1;
    if (this.#count % EVERY !== 0) return false;
    const sorted = this.#samples.slice(0, Math.min(this.#count, SAMPLES)).sort();
    const least = sorted[0] ?? 0;
    const most = sorted[Math.ceil(sorted.length * QUANTILE) - 1] ?? 0;
    this.#jitterMs = Math.min(Math.max(most - least, MIN_JITTER_MS), MAX_JITTER_MS);
    return true;
  }
}
