/** The remote API's limit, 500 requests a second for all its messaging actions together. */
export const VENDOR_REQUESTS_PER_SECOND = 500;

/** Alignment of the service's windows of one second. It is not published, so a client has to keep to either. */
export type QuotaWindowKind = 'sliding' | 'fixed';

const WINDOW_MS = 1_000;
/** When there are so many windows, those that are empty are forgotten. */
const FORGET_AT = 1_000;

/** Admits a number of requests in any second (sliding), or in each full second (fixed). */
export class QuotaWindow {
  /** What was admitted in the window, oldest first. */
  #admitted: { readonly at: number; readonly cost: number }[] = [];
  #sum = 0;

  /**
   * @param perSecond `Infinity` lifts the quota
   * @param now monotonic milliseconds
   */
  constructor(
    private readonly perSecond: number,
    private readonly kind: QuotaWindowKind,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Whether nothing was admitted in the window. */
  get isEmpty(): boolean {
    this.#forget();
    return this.#sum === 0;
  }

  /** Whether there is room for so much. @param perSecond another limit than the window's own */
  hasRoom(cost: number, perSecond = this.perSecond): boolean {
    this.#forget();
    return this.#sum + cost <= perSecond;
  }

  /** Counts a request if there is room for all that it costs. */
  admit(cost = 1, perSecond = this.perSecond): boolean {
    if (!this.hasRoom(cost, perSecond)) return false;
    if (perSecond < Number.POSITIVE_INFINITY) {
      this.#admitted.push({ at: this.now(), cost });
      this.#sum += cost;
    }
    return true;
  }

  #forget(): void {
    const now = this.now();
    const began = this.kind === 'fixed' ? Math.floor(now / WINDOW_MS) * WINDOW_MS : now - WINDOW_MS;
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
