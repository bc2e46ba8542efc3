/** Limits how many messages are taken from one user in any second. */
export class RateByUser {
  /** When messages were taken, by user, in this second and in the one before. Each is dropped as a whole. */
  #current = new Map<string, number[]>();
  #previous = new Map<string, number[]>();
  #since = -Infinity;

  constructor(private readonly perSecond: number) {}

  /**
   * Whether a message is within the limit. One that is not does not count.
   * @param now monotonic milliseconds
   */
  take(userId: string, now: number): boolean {
    if (now >= this.#since + 1_000) {
      this.#previous = now < this.#since + 2_000 ? this.#current : new Map<string, number[]>();
      this.#current = new Map();
      this.#since = now;
    }
    const own = this.#current.get(userId) ?? [];
    // Half a millisecond: sums of fractions are not exact.
    const isRecent = (at: number): boolean => at > now - 999.5;
    const earlier = (this.#previous.get(userId) ?? []).filter(isRecent).length;
    if (earlier + own.filter(isRecent).length >= this.perSecond) return false;
    own.push(now);
    this.#current.set(userId, own);
    return true;
  }
}
