const CAPACITY = 100;
const PER_SECOND = 5;
const PER_ACCEPTED = 0.2;

/**
 * The retry budget that all calls of a client share: a token bucket. It refills slowly with time and with each accepted
 * request. While the service is down it runs empty, so that retries don't multiply the load.
 */
export class RetryBudget {
  #tokens = CAPACITY;
  #at: number;

  /** @param now monotonic milliseconds */
  constructor(private readonly now: () => number = () => performance.now()) {
    this.#at = now();
  }

  /** Takes one retry from the budget. @returns false if it is empty */
  take(): boolean {
    this.#fill();
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Refills the budget after an accepted request. */
  earn(): void {
    this.#tokens = Math.min(CAPACITY, this.#tokens + PER_ACCEPTED);
  }

  #fill(): void {
    const now = this.now();
    this.#tokens = Math.min(CAPACITY, this.#tokens + ((now - this.#at) / 1_000) * PER_SECOND);
    this.#at = now;
  }
}
