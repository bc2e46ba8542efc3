/** A `Date` outside of these years is not worth trying. */
const EARLIEST = Date.UTC(2020);
const LATEST = Date.UTC(2100);
/** After a `Date` that was wrong, none is tried for so long. */
const DISTRUST_MS = 60_000;
/** A `Date` that agrees with the signature to a minute can't be why the signature was refused. */
const AGREEMENT_MS = 60_000;
/** `Date` has whole seconds: on the average, half a second has passed since the one it names began. */
const MEAN_LAG_MS = 500;

/**
 * How far the service's clock is ahead of this machine's, as its refusals have taught. A `Date` is only a
 * claim, by whatever answered: it is tried by the one call that was refused, and becomes everyone's when that
 * call gets through. When it does not, and the next `Date` says otherwise, none is tried for a while.
 */
export class ServiceClockSkew {
  #offsetMs = 0;
  #distrustUntil = Number.NEGATIVE_INFINITY;

  /**
   * @param localNow this machine's clock: milliseconds since the epoch
   * @param monotonicNow milliseconds
   */
  constructor(
    private readonly localNow: () => number = Date.now,
    private readonly monotonicNow: () => number = () => performance.now(),
  ) {}

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
    return !isSame(signedOffsetMs, this.#offsetMs);
  }

  /**
   * The offset to try instead, after `InvalidTimestamp`; undefined when there is none to believe.
   * @param signedOffsetMs what the refused request was signed with
   * @param date the refusal's `Date` header
   */
  propose(signedOffsetMs: number, date: string | undefined): number | undefined {
    if (this.monotonicNow() < this.#distrustUntil) return undefined;
    const claimed = this.#offsetBy(date);
    return claimed === undefined || isSame(claimed, signedOffsetMs) ? undefined : claimed;
  }

  /**
   * A request that was signed with it got past the check of the time.
   * @returns whether that is news
   */
  confirm(offsetMs: number): boolean {
    if (!this.isOutdated(offsetMs)) return false;
    this.#offsetMs = offsetMs;
    return true;
  }

  /**
   * A request that was signed with a proposed offset was refused for its time again.
   * @param date that refusal's `Date` header: if it says the same, it was not the `Date` that was wrong
   */
  refute(offsetMs: number, date: string | undefined): void {
    const claimed = this.#offsetBy(date);
    if (claimed !== undefined && isSame(claimed, offsetMs)) return;
    this.#distrustUntil = this.monotonicNow() + DISTRUST_MS;
  }

  #offsetBy(date: string | undefined): number | undefined {
    const time = Date.parse(date ?? '');
    return time >= EARLIEST && time <= LATEST ? time + MEAN_LAG_MS - this.localNow() : undefined;
  }
}

function isSame(oneMs: number, otherMs: number): boolean {
  return Math.abs(oneMs - otherMs) <= AGREEMENT_MS;
}
