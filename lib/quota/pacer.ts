/** How many requests may leave at once after a pause, as a share of a second's: it makes good a stall. */
const BURST_SHARE = 0.08;
/** How many may once there have been no permits for a while. */
const SHARE_AFTER_WAIT = 0.05;

export function burstOf(perSecond: number): number {
  return Math.max(1, Math.round(perSecond * BURST_SHARE));
}

/**
 * Spaces requests evenly (GCRA), so that a second's permits don't leave in a bunch. It is for smoothness alone: the
 * limit is held by the permits.
 */
export class Pacer {
  #intervalMs = 0;
  #burst = 1;
  #burstAfterWait = 1;
  /** When the schedule is used up. Monotonic milliseconds. */
  #usedUpAt = -Infinity;

  constructor(perSecond: number) {
    this.changePace(perSecond);
  }

  /** Between permits, in milliseconds. */
  get intervalMs(): number {
    return this.#intervalMs;
  }

  changePace(perSecond: number): void {
    this.#intervalMs = 1_000 / perSecond;
    this.#burst = burstOf(perSecond);
    this.#burstAfterWait = Math.max(1, Math.round(perSecond * SHARE_AFTER_WAIT));
  }

  /** How long it is until the next permit may leave, in milliseconds. */
  delayMs(now: number): number {
    return Math.max(0, this.#usedUpAt - (this.#burst - 1) * this.#intervalMs - now);
  }

  take(permits: number, now: number): void {
    this.#usedUpAt = Math.max(this.#usedUpAt, now) + permits * this.#intervalMs;
  }

  /**
   * Someone waits for permits. That earns no burst, or the first burst of all would stay for ever: as a bunch, and
   * as a gap behind it for which single sends have to wait.
   */
  waitForPermits(now: number): void {
    this.#usedUpAt = Math.max(this.#usedUpAt, now + (this.#burst - this.#burstAfterWait) * this.#intervalMs);
  }
}
