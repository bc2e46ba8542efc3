/** Alignment of the service's windows of one second. It is not published, so a client has to keep to either. */
export type QuotaWindowKind = 'sliding' | 'fixed';

const WINDOW_MS = 1_000;
/** When there are so many windows, those that are empty are forgotten. */
const FORGET_AT = 1_000;

/** Admits what fits into any second (sliding), or into each full one (fixed). */
export class QuotaWindow {
  /** What was admitted and is in the window until then, oldest first. */
  readonly #admitted: { readonly until: number; readonly cost: number }[] = [];
  #sum = 0;

  /** @param now monotonic milliseconds */
  constructor(
    private readonly kind: QuotaWindowKind,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Whether there is room for all of the cost. @param limit in a window; `Infinity` lifts the quota */
  hasRoom(limit: number, cost = 1): boolean {
    const now = this.now();
    const first = this.#admitted.findIndex(({ until }) => until > now);
    const past = this.#admitted.splice(0, first < 0 ? this.#admitted.length : first);
    for (const { cost: gone } of past) this.#sum -= gone;
    return this.#sum + cost <= limit;
  }

  /** Counts a request if there is room for all that it costs. */
  admit(limit: number, cost = 1): boolean {
    if (!this.hasRoom(limit, cost)) return false;
    if (limit < Number.POSITIVE_INFINITY) {
      const now = this.now();
      const began = this.kind === 'fixed' ? now - (now % WINDOW_MS) : now;
      this.#admitted.push({ until: began + WINDOW_MS, cost });
      this.#sum += cost;
    }
    return true;
  }
}

/** The windows of accounts, rooms and actions, by name. */
export class QuotaWindows {
  readonly #windows = new Map<string, QuotaWindow>();
  #forgetAt = FORGET_AT;

  constructor(private readonly kind: QuotaWindowKind) {}

  of(...name: readonly string[]): QuotaWindow {
    const key = name.join(' ');
    const known = this.#windows.get(key);
    if (known !== undefined) return known;
    if (this.#windows.size >= this.#forgetAt) {
      for (const [other, window] of this.#windows) if (window.hasRoom(0, 0)) this.#windows.delete(other);
      // Those that are in use are not looked through again for each new one.
      this.#forgetAt = Math.max(FORGET_AT, this.#windows.size * 2);
    }
    const window = new QuotaWindow(this.kind);
    this.#windows.set(key, window);
    return window;
  }
}
