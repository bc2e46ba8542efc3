/** The remote API's limit, 500 requests a second for all its messaging actions together. */
export const VENDOR_REQUESTS_PER_SECOND = 500;

/** How the service's windows of one second lie is not published; a client has to hold either. */
export type QuotaWindowKind = 'sliding' | 'fixed';

const WINDOW_MS = 1_000;

/** Admits so much in a second: in any second (sliding), or in each full second (fixed). */
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

  /** Counts a request if there is room for all that it costs. */
  admit(cost = 1): boolean {
    if (!this.hasRoom(cost)) return false;
    this.take(cost);
    return true;
  }

  /** Whether there is room for so much. @param perSecond another limit than the window's own */
  hasRoom(cost: number, perSecond = this.perSecond): boolean {
    this.#forget();
    return this.#sum + cost <= perSecond;
  }

  take(cost: number): void {
    if (this.perSecond === Number.POSITIVE_INFINITY) return;
    this.#admitted.push({ at: this.now(), cost });
    this.#sum += cost;
  }

  /** Whether nothing was admitted in the window. */
  get isEmpty(): boolean {
    this.#forget();
    return this.#sum === 0;
  }

  #forget(): void {
    const now = this.now();
    const began = this.kind === 'fixed' ? Math.floor(now / WINDOW_MS) * WINDOW_MS : now - WINDOW_MS;
    const isPast = (at: number): boolean => (this.kind === 'fixed' ? at < began : at <= began);
    let past = 0;
    for (const { at, cost } of this.#admitted) {
      if (!isPast(at)) break;
      this.#sum -= cost;
      past += 1;
    }
    if (past > 0) this.#admitted = this.#admitted.slice(past);
  }
}
