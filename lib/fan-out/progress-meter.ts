/** Window of the rate, in milliseconds. */
const WINDOW_MS = 5_000;

/** Measures the rate and estimates the remaining time. */
export class ProgressMeter {
  readonly #marks: { at: number; done: number }[] = [];

  /**
   * @param done number that was finished before
   * @param now monotonic milliseconds
   */
  constructor(
    done: number = 0,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#marks.push({ at: now(), done });
  }

  /** @returns the rate a second, and the remaining milliseconds if the total is known */
  measure(done: number, total: number | undefined): { rate: number; etaMs?: number } {
    const at = this.now();
    this.#marks.push({ at, done });
    while (at - (this.#marks[1]?.at ?? at) > WINDOW_MS) this.#marks.shift();
    const oldest = this.#marks[0] ?? { at, done };
    const rate = at > oldest.at ? ((done - oldest.done) / (at - oldest.at)) * 1_000 : 0;
    if (total === undefined || rate === 0) return { rate };
    return { rate, etaMs: Math.max(0, Math.round(((total - done) / rate) * 1_000)) };
  }
}
