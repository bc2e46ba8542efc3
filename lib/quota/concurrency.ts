/** How many requests a fan-out has in flight at least and at most, unless it is told. */
const LEAST = 48;
export const MOST_CONCURRENCY = 256;
/** What is in flight beyond what the round trip takes, for those that take longer. */
const SPARE = { factor: 1.5, requests: 16 } as const;
/** By how much what is in flight grows at a time, as long as the round trip does not grow with it. */
const GROWTH = 2;
/** By so much the round trip is longer than with few in flight when it is measured with few again, and how often. */
const LONGER = 1.33;
const UNLOADED_EVERY_MS = 5_000;
/** How fast means are learned. */
const SMOOTHING = 1 / 16;

/**
 * How many requests a fan-out is to have in flight: what the round trip asks for, as it is while few are in flight.
 * Where a service is at its own limit, the round trip grows with what is in flight; there, more would only wait.
 */
export class Concurrency {
  /** How long a request is under way of late, in milliseconds; 0 until one is answered. */
  roundTripMs = 0;
  /** Of requests that were let go while few were in flight. */
  #unloadedMs = 0;
  #unloadedAt = 0;
  /** How many were in flight when what has been answered was let go. */
  #inFlight = 0;

  record(roundTripMs: number, inFlight: number, now: number): void {
    this.roundTripMs += (roundTripMs - this.roundTripMs) * SMOOTHING;
    this.#inFlight += (inFlight - this.#inFlight) * SMOOTHING;
    if (inFlight > LEAST) return;
    this.#unloadedMs += (roundTripMs - this.#unloadedMs) * SMOOTHING;
    this.#unloadedAt = now;
  }

  /** @param perSecond how many the quota lets go in a second */
  for(perSecond: number, now: number): number {
    if (this.roundTripMs === 0) return LEAST;
    // Few for a moment, to see whether the way itself has become longer.
    const isLonger = this.roundTripMs > this.#unloadedMs * LONGER;
    if (isLonger && now - this.#unloadedAt > UNLOADED_EVERY_MS) return LEAST;
    const asked = ((perSecond * this.#unloadedMs) / 1_000) * SPARE.factor;
    const grown = ((this.#inFlight * this.#unloadedMs) / this.roundTripMs) * GROWTH;
    const inFlight = Math.ceil(Math.min(asked, grown) + SPARE.requests);
    return Math.min(MOST_CONCURRENCY, Math.max(LEAST, inFlight));
  }
}
