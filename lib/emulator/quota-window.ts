/** The remote API's limit, 500 requests a second for all its messaging actions together. */
export const VENDOR_REQUESTS_PER_SECOND = 500;

/** How the service's windows of one second lie is not published; a client has to hold either. */
export type QuotaWindowKind = 'sliding' | 'fixed';

const WINDOW_MS = 1_000;

/** Admits so many requests in a second: in any second (sliding), or in each full second (fixed). */
export class QuotaWindow {
  /** When each request of the last second was admitted, as a ring: the next slot holds the oldest. */
  readonly #admitted: number[] = [];
  #next = 0;
  #windowStart = Number.NEGATIVE_INFINITY;
  #inWindow = 0;

  /**
   * @param requestsPerSecond `Infinity` lifts the quota
   * @param now monotonic milliseconds
   */
  constructor(
    private readonly requestsPerSecond: number,
    private readonly kind: QuotaWindowKind,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Counts the request if there is room for it. */
  admit(): boolean {
    if (this.requestsPerSecond === Number.POSITIVE_INFINITY) return true;
    return this.kind === 'sliding' ? this.#admitSliding(this.now()) : this.#admitFixed(this.now());
  }

  #admitSliding(now: number): boolean {
    const oldest = this.#admitted[this.#next];
    if (oldest !== undefined && now - oldest < WINDOW_MS) return false;
    this.#admitted[this.#next] = now;
    this.#next = (this.#next + 1) % this.requestsPerSecond;
    return true;
  }

  #admitFixed(now: number): boolean {
    const windowStart = Math.floor(now / WINDOW_MS) * WINDOW_MS;
    if (windowStart !== this.#windowStart) {
      this.#windowStart = windowStart;
      this.#inWindow = 0;
    }
    if (this.#inWindow >= this.requestsPerSecond) return false;
    this.#inWindow += 1;
    return true;
  }
}
