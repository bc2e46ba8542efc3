/** Limits how many messages a second are taken from one user. Holds the users of the last second. */
export class RateByUser {
  /** When a user's next message would be on time, if they had sent all at even intervals. */
  readonly #nextAt = new Map<string, number>();
  readonly #intervalMs: number;

  constructor(perSecond: number) {
    this.#intervalMs = 1_000 / perSecond;
  }

  /**
   * Whether a message is within the limit. One that is not does not count.
   * @param now monotonic milliseconds
   */
  take(userId: string, now: number): boolean {
    const next = Math.max(this.#nextAt.get(userId) ?? 0, now) + this.#intervalMs;
    // Half a thousandth: sums of fractions are not exact.
    if (next > now + 1_000.5) return false;
    this.#nextAt.delete(userId);
    this.#nextAt.set(userId, next);
    for (const [oldest, at] of this.#nextAt) {
      if (at > now) break;
      this.#nextAt.delete(oldest);
    }
    return true;
  }
}
