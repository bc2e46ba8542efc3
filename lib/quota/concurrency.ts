/** Least and largest concurrency of a fan-out, unless it is set. */
const LEAST = 48;
export const MOST_CONCURRENCY = 256;
/** Headroom for requests that take longer than the mean. */
const SPARE = { factor: 1.5, requests: 16 } as const;
/** Growth factor of the concurrency while the round trip does not grow with it. */
const GROWTH = 2;
/**
 * A round trip this much longer than the unloaded one starts a new measurement at low concurrency, at most this often.
 */
const LONGER = 1.33;
const UNLOADED_EVERY_MS = 5_000;
/** Weight of a new sample in the moving averages. */
const SMOOTHING = 1 / 16;

/**
 * The concurrency of a fan-out: enough to spend the quota at the round trip of an unloaded service. An overloaded
 * service answers later when more requests are in flight. There, a higher concurrency would only add waiting.
 */
export class Concurrency {
  /** Moving average of the round trip, in milliseconds. 0 until a request was answered. */
  roundTripMs = 0;
  /** Moving average of the round trip at low concurrency. */
  #unloadedMs = 0;
  #unloadedAt = 0;
  /** Moving average of the concurrency at which answered requests were sent. */
  #inFlight = 0;

  record(roundTripMs: number, inFlight: number, now: number): void {
    this.roundTripMs += (roundTripMs - this.roundTripMs) * SMOOTHING;
    this.#inFlight += (inFlight - this.#inFlight) * SMOOTHING;
    if (inFlight > LEAST) return;
    this.#unloadedMs += (roundTripMs - this.#unloadedMs) * SMOOTHING;
    this.#unloadedAt = now;
  }

  /** @param perSecond requests a second that the quota allows */
  for(perSecond: number, now: number): number {
    if (this.roundTripMs === 0) return LEAST;
    // Low concurrency for a moment, to measure whether the network itself became slower.
    const isLonger = this.roundTripMs > this.#unloadedMs * LONGER;
    if (isLonger && now - this.#unloadedAt > UNLOADED_EVERY_MS) return LEAST;
    const asked = ((perSecond * this.#unloadedMs) / 1_000) * SPARE.factor;
    const grown = ((this.#inFlight * this.#unloadedMs) / this.roundTripMs) * GROWTH;
    const inFlight = Math.ceil(Math.min(asked, grown) + SPARE.requests);
    return Math.min(MOST_CONCURRENCY, Math.max(LEAST, inFlight));
  }
}
