/** Counts by kind over a sliding window. */
export interface RecentCounts<Kind extends string> {
  readonly counts: ReadonlyMap<Kind, number>;
  /** Length of the window in milliseconds, including the span that has begun. */
  readonly overMs: number;
}

interface Span<Kind extends string> {
  /** Number of the span, from time 0. */
  readonly index: number;
  readonly counts: Map<Kind, number>;
}

/**
 * Counts events by kind over a sliding window. The window consists of spans of equal length, so memory does not grow
 * with the number of events.
 */
export class SlidingCounts<Kind extends string> {
  readonly #spanMs: number;
  #kept: Span<Kind>[] = [];

  /** @param windowMs length of the window, in milliseconds */
  constructor(
    readonly windowMs: number,
    private readonly spans = 10,
  ) {
    this.#spanMs = windowMs / spans;
  }

  /** @param now milliseconds of a clock that only goes forward */
  add(kind: Kind, now: number, count = 1): void {
    const index = Math.floor(now / this.#spanMs);
    let current = this.#kept.at(-1);
    if (current === undefined || current.index < index) {
      this.#forget(index);
      current = { index, counts: new Map() };
      this.#kept.push(current);
    }
    current.counts.set(kind, (current.counts.get(kind) ?? 0) + count);
  }

  read(now: number): RecentCounts<Kind> {
    const index = Math.floor(now / this.#spanMs);
    this.#forget(index);
    const counts = new Map<Kind, number>();
    for (const span of this.#kept) {
      for (const [kind, count] of span.counts) counts.set(kind, (counts.get(kind) ?? 0) + count);
    }
    return { counts, overMs: this.windowMs + (now - index * this.#spanMs) };
  }

  /** Drops spans that have left the window. */
  #forget(current: number): void {
    this.#kept = this.#kept.filter(({ index }) => index >= current - this.spans);
  }
}
