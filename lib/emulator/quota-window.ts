/** The remote API's limit, 500 requests a second for all its messaging actions together. */
export const VENDOR_REQUESTS_PER_SECOND = 500;

/** Alignment of the service's windows of one second. It is not published, so a client has to keep to either. */
export type QuotaWindowKind = 'sliding' | 'fixed';

/** When there are so many windows, those that are empty are forgotten. */
const FORGET_AT = 1_000;

/** Admits a number of requests in any window of a length (sliding), or in each full one (fixed). */
export class QuotaWindow {
  /** What was admitted in the window, oldest first. */
  #admitted: { readonly at: number; readonly cost: number }[] = [];
  #sum = 0;

  /**
   * @param limit in a window; `Infinity` lifts the quota
   * @param now monotonic milliseconds
   */
  constructor(
    private readonly limit: number,
    private readonly kind: QuotaWindowKind,
    private readonly now: () => number = () => performance.now(),
    private readonly windowMs = 1_000,
  ) {}

  /** Whether nothing was admitted in the window. */
  get isEmpty(): boolean {
    this.#forget();
    return this.#sum === 0;
  }

  /** Whether there is room for so much. @param limit another one than the window's own */
  hasRoom(cost: number, limit = this.limit): boolean {
    this.#forget();
    return this.#sum + cost <= limit;
  }

  /** Counts a request if there is room for all that it costs. */
  admit(cost = 1, limit = this.limit): boolean {
    if (!this.hasRoom(cost, limit)) return false;
    if (limit < Number.POSITIVE_INFINITY) {
      this.#admitted.push({ at: this.now(), cost });
      this.#sum += cost;
    }
    return true;
  }

  #forget(): void {
    const now = this.now();
    const began = this.kind === 'fixed' ? now - (now % this.windowMs) : now - this.windowMs;
    const first = this.#admitted.findIndex(({ at }) => (this.kind === 'fixed' ? at >= began : at > began));
    const past = this.#admitted.splice(0, first < 0 ? this.#admitted.length : first);
    for (const { cost } of past) this.#sum -= cost;
  }
}

/** The windows of accounts, rooms and actions, by name. */
export class QuotaWindows {
  readonly #windows = new Map<string, QuotaWindow>();

  constructor(private readonly kind: QuotaWindowKind) {}

  of(perSecond: number, ...name: readonly string[]): QuotaWindow {
    const key = JSON.stringify(name);
    const known = this.#windows.get(key);
    if (known !== undefined) return known;
    if (this.#windows.size >= FORGET_AT) {
      for (const [other, { isEmpty }] of this.#windows) if (isEmpty) this.#windows.delete(other);
    }
    const window = new QuotaWindow(perSecond, this.kind);
    this.#windows.set(key, window);
    return window;
  }
}
