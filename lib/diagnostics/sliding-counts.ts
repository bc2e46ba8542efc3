/** How many of each kind happened lately, and over how long. */
export interface RecentCounts<Kind extends string> {
  readonly counts: ReadonlyMap<Kind, number>;
  /** Milliseconds: the window and the part of a span that has begun since. */
  readonly overMs: number;
}

interface Span<Kind extends string> {
  /** Counts spans from time 0. */
  readonly index: number;
  readonly counts: Map<Kind, number>;
}

/**
 * Counts what happened lately, by kind. Time is cut into spans, of which as many are kept as the window has:
 * memory is the same however much happens.
 */
export class SlidingCounts<Kind extends string> {
  readonly #spanMs: number;
  #kept: Span<Kind>[] = [];

  /** @param windowMs how far it looks back */
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

  /** What is older than the window, seen from the span that has begun. */
  #forget(current: number): void {
    this.#kept = this.#kept.filter(({ index }) => index >= current - this.spans);
  }
}
