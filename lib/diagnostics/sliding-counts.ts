/** Counts by kind over a sliding window. */
export interface RecentCounts<Kind extends string> {
  readonly counts: ReadonlyMap<Kind, number>;
  /** Length of the window in milliseconds, including the span that has begun. */
  readonly overMs: number;
}

/**
 * Counts events by kind over a sliding window. The window consists of spans of equal length, so memory does not grow
 * with the number of events. Times are milliseconds of a clock that only goes forward.
 */
export class SlidingCounts<Kind extends string> {
  /** The counts of each span that has any, by its number from time 0. */
  readonly #spans = new Map<number, Map<Kind, number>>();

  /** @param windowMs length of the window, in milliseconds */
  constructor(
    private readonly windowMs: number,
    private readonly spans = 10,
  ) {}

  add(kind: Kind, now: number, count = 1): void {
    const index = this.#indexAt(now);
    const counts = this.#spans.get(index) ?? new Map<Kind, number>();
    // Spans are only forgotten when one begins.
    if (counts.size === 0) this.#forget(index).set(index, counts);
    counts.set(kind, (counts.get(kind) ?? 0) + count);
  }

  read(now: number): RecentCounts<Kind> {
    const index = this.#indexAt(now);
    const counts = new Map<Kind, number>();
    for (const span of this.#forget(index).values())
      for (const [kind, count] of span) counts.set(kind, (counts.get(kind) ?? 0) + count);
    return { counts, overMs: this.windowMs + now - (index * this.windowMs) / this.spans };
  }

  #indexAt(now: number): number {
    return Math.floor((now * this.spans) / this.windowMs);
  }

  /** Drops spans that have left the window. */
  #forget(current: number): Map<number, Map<Kind, number>> {
    for (const index of this.#spans.keys()) if (index < current - this.spans) this.#spans.delete(index);
    return this.#spans;
  }
}
