/** A `Date` outside these years is ignored. */
const EARLIEST = Date.UTC(2020);
const LATEST = Date.UTC(2100);
/** After a wrong `Date`, none is tried for this long. */
const DISTRUST_MS = 60_000;
/** A `Date` this close to the signed time can't be why the signature was refused. */
const AGREEMENT_MS = 60_000;
/** `Date` has whole seconds. On average, half a second has passed since. */
const MEAN_LAG_MS = 500;

/**
 * The skew between the service's clock and this machine's, learned from refusals. A `Date` header is only a claim,
 * since anyone on the way may have answered. First, only the refused call tries its offset. If that call is accepted,
 * all calls use the offset. If it is refused again and the next `Date` disagrees, no `Date` is tried for a while.
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

  /** Offset that requests are signed with, in milliseconds. */
  get offsetMs(): number {
    return this.#offsetMs;
  }

  /** The service's time: milliseconds since the epoch. */
  now(): number {
    return this.localNow() + this.#offsetMs;
  }

  /** Whether another call has corrected the offset since a request was signed with this one. */
  isOutdated(signedOffsetMs: number): boolean {
    return !isSame(signedOffsetMs, this.#offsetMs);
  }

  /**
   * The offset to try after `InvalidTimestamp`. Undefined if there is none to trust.
   * @param signedOffsetMs offset of the refused request
   * @param date the refusal's `Date` header
   */
  propose(signedOffsetMs: number, date: string | undefined): number | undefined {
    if (this.monotonicNow() < this.#distrustUntil) return undefined;
    const claimed = this.#offsetBy(date);
    return claimed === undefined || isSame(claimed, signedOffsetMs) ? undefined : claimed;
  }

  /**
   * A request with this offset was accepted.
   * @returns whether the offset is new
   */
  confirm(offsetMs: number): boolean {
    if (!this.isOutdated(offsetMs)) return false;
    this.#offsetMs = offsetMs;
    return true;
  }

  /**
   * A request with a proposed offset was refused for its time again.
   * @param date that refusal's `Date` header. If it claims the same offset, the `Date` was not the problem.
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
