/**
 * The generic cell rate algorithm: events one interval apart, of which a few may come at once after a pause.
 * It keeps one number, the time up to which the schedule is used up. It goes by when events really happen, so
 * that one that comes late takes nothing from those after it.
 */
export class Gcra {
  /** Theoretical arrival time: when the schedule is used up. Monotonic milliseconds. */
  #tat = Number.NEGATIVE_INFINITY;

  #intervalMs: number;
  #burst: number;

  /**
   * @param intervalMs between events
   * @param burst how many may come at once
   */
  constructor(intervalMs: number, burst: number) {
    this.#intervalMs = intervalMs;
    this.#burst = burst;
  }

  get intervalMs(): number {
    return this.#intervalMs;
  }

  /** How far events may be ahead of their intervals. */
  get #aheadMs(): number {
    return (this.#burst - 1) * this.#intervalMs;
  }

  /** How long it is until the next event may happen, in milliseconds. */
  delayMs(now: number): number {
    return Math.max(0, this.#tat - this.#aheadMs - now);
  }

  /** An event happens. */
  take(now: number): void {
    this.#tat = Math.max(this.#tat, now) + this.#intervalMs;
  }

  /**
   * Goes by another pace from now on. Who may be further ahead by it must not be so at once: with a burst of the
   * old pace before it, that would be one event too many.
   */
  changePace(intervalMs: number, burst: number): void {
    const before = this.#aheadMs;
    this.#intervalMs = intervalMs;
    this.#burst = burst;
    this.#tat += Math.max(0, this.#aheadMs - before);
  }

  /** Takes back what holds it up beyond the events that have happened. */
  release(now: number): void {
    this.#tat = Math.min(this.#tat, now + this.#burst * this.#intervalMs);
  }

  /** Nothing may happen before `time`, and no burst at it either. */
  delayUntil(time: number): void {
    this.#tat = Math.max(this.#tat, time + this.#aheadMs);
  }
}
