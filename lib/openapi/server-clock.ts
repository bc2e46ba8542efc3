/** A signature is good for 15 minutes around the service's time (6348/1178321). */
const VALIDITY_MS = 15 * 60_000;
/** A `Date` that agrees with the signature to a minute can't be why the signature was refused. */
const AGREEMENT_MS = 60_000;
/** `Date` has whole seconds: on the average, half a second has passed since the one it names began. */
const MEAN_LAG_MS = 500;

/**
 * How far the service's clock is ahead of this machine's, as its refusals have taught. A `Date` is only a
 * claim, by whatever answered: it is tried by the one call that was refused, becomes everyone's when that call
 * gets through, and is not tried again when it does not.
 */
export class ServerClock {
  #offsetMs = 0;
  #refutedMs: number | undefined;

  /** @param localNow this machine's clock: milliseconds since the epoch */
  constructor(private readonly localNow: () => number = Date.now) {}

  /** The offset that requests are signed with, in milliseconds. */
  get offsetMs(): number {
    return this.#offsetMs;
  }

  /** The service's time: milliseconds since the epoch. */
  now(): number {
    return this.localNow() + this.#offsetMs;
  }

  /** Whether a request that was signed with it was under way while another call found the right time. */
  isOutdated(signedOffsetMs: number): boolean {
    return Math.abs(signedOffsetMs - this.#offsetMs) > AGREEMENT_MS;
  }

  /**
   * The offset to try instead, after `InvalidTimestamp`; undefined when there is none to believe.
   * @param signedOffsetMs what the refused request was signed with
   * @param date the refusal's `Date` header
   */
  propose(signedOffsetMs: number, date: string | undefined): number | undefined {
    const claimed = Date.parse(date ?? '') + MEAN_LAG_MS - this.localNow();
    if (Number.isNaN(claimed) || Math.abs(claimed - signedOffsetMs) <= AGREEMENT_MS) return undefined;
    if (this.#refutedMs !== undefined && Math.abs(claimed - this.#refutedMs) <= VALIDITY_MS) return undefined;
    return claimed;
  }

  /**
   * A request that was signed with it got past the check of the time.
   * @returns whether that is news
   */
  confirm(offsetMs: number): boolean {
    if (!this.isOutdated(offsetMs)) return false;
    this.#offsetMs = offsetMs;
    this.#refutedMs = undefined;
    return true;
  }

  /** A request that was signed with a proposed offset was refused for its time again. */
  refute(offsetMs: number): void {
    this.#refutedMs = offsetMs;
  }
}
