const CAPACITY = 100;
const PER_SECOND = 5;
const PER_ACCEPTED = 0.2;

/**
 * What all calls of a client may spend on retries together: a token bucket that fills slowly by itself and
 * with each accepted request. While the service is down it runs dry, so that retries don't multiply the load.
 */
export class RetryBudget {
  #tokens = CAPACITY;
  #at: number;

  /** @param now monotonic milliseconds */
  constructor(private readonly now: () => number = () => performance.now()) {
    this.#at = now();
  }

  /** Takes one retry from the budget, if there is one. */
  take(): boolean {
    this.#fill();
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** A request was accepted: the service can take more. */
  earn(): void {
    this.#tokens = Math.min(CAPACITY, this.#tokens + PER_ACCEPTED);
  }

  #fill(): void {
    const now = this.now();
    this.#tokens = Math.min(CAPACITY, this.#tokens + ((now - this.#at) / 1_000) * PER_SECOND);
    this.#at = now;
  }
}
