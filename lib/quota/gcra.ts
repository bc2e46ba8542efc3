/**
 * The generic cell rate algorithm: events one interval apart, of which a few may come at once after a pause.
 * It keeps one number, the time up to which the schedule is used up. It goes by when events really happen, so
 * that one that comes late takes nothing from those after it.
 */
export class Gcra {
  /** Theoretical arrival time: when the schedule is used up. Monotonic milliseconds. */
  #tat = Number.NEGATIVE_INFINITY;

  /**
   * @param intervalMs between events
   * @param burst how many may come at once
   */
  constructor(
    public intervalMs: number,
    public burst: number,
  ) {}

  /** How long it is until the next event may happen, in milliseconds. */
  delayMs(now: number): number {
    return Math.max(0, this.#tat - (this.burst - 1) * this.intervalMs - now);
  }

  /** An event happens. */
  take(now: number): void {
    this.#tat = Math.max(this.#tat, now) + this.intervalMs;
  }

  /** Takes back what holds it up beyond the events that have happened. */
  release(now: number): void {
    this.#tat = Math.min(this.#tat, now + this.burst * this.intervalMs);
  }

  /** Nothing may happen before `time`, and no burst at it either. */
  delayUntil(time: number): void {
    this.#tat = Math.max(this.#tat, time + (this.burst - 1) * this.intervalMs);
  }
}
