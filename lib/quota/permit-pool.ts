import { LeastRoundTrip } from './least-round-trip.js';

/** Which queue a request waits in. Single sends and fan-outs take turns, so neither waits for all of the other. */
export type Priority = 'single' | 'bulk';

/**
 * How a permit's request ended:
 *
 * - `unused`: no byte of it left this process
 * - `answered`: the service answered, so it has counted the request
 * - `unanswered`: the request left, and the service may have counted it or may still count it
 */
export type PermitUse = 'unused' | 'answered' | 'unanswered';

/** The right to send one request. */
export interface Permit {
  /** Gives the permit back. @returns whether it was out: only the first call counts */
  giveBack(use: PermitUse): boolean;
}

/**
 * How long a permit stays out after its answer, in milliseconds: one second, and two milliseconds for rounding and
 * clock drift.
 */
export const COOLING_MS = 1_002;
/** Credit as a fraction of the least round trip. */
const CREDIT_SHARE = 0.5;
/** Largest credit. It and the burst bound the excess after a sudden shortening of the way. */
const MOST_CREDIT_MS = 150;
/** Permits reserved for probes, as a fraction of the limit. A small limit reserves this many, up to half. */
const PROBE_SHARE = 0.25;
const PROBES = 8;
/**
 * Interval between probes while the service does not answer. With few reserved permits, probes are spread over the
 * longer time.
 */
const PROBE_EVERY_MS = 1_000;
const PROBING_MS = 16_000;
/** Interval between probes once all permits are unanswered. Each of these probes writes one permit off. */
const WRITE_OFF_MS = 30_000;
/** A permit that is out this long was lost. No request may take this long. */
const LOST_MS = 660_000;
/**
 * Burst after a pause, as a fraction of a second's requests. It makes up for a stall. It also leaves a gap of its length
 * at the end of the second, in which single sends wait.
 */
const BURST_SHARE = 0.14;
/** Precision of timers. Used for pacing only: a permit is never free too early. */
const EARLY_MS = 0.3;

export const burstOf = (perSecond: number): number => Math.max(1, Math.round(perSecond * BURST_SHARE));

/** The permits of one request. */
interface Taken {
  readonly permits: number;
  readonly takenAt: number;
}

/**
 * Permits that were given back, in the order in which their requests ended, by the millisecond: a second has a thousand
 * items at most. One item for each permit would outlive many calls, and the garbage collector would move each of them
 * twice.
 */
class EndedPermits {
  readonly #items: { readonly at: number; permits: number }[] = [];
  count = 0;

  get lastAt(): number | undefined {
    return this.#items.at(-1)?.at;
  }

  /** @param endedAt rounded up, so that none is free too early */
  push(endedAt: number, permits: number): void {
    const at = Math.ceil(endedAt);
    const last = this.#items.at(-1);
    if (last?.at === at) last.permits += permits;
    else this.#items.push({ at, permits });
    this.count += permits;
  }

  /** When the last of the next `permits` ended. Infinity if there are fewer. */
  endOf(permits: number): number {
    let left = permits;
    return this.#items.find((item) => (left -= item.permits) <= 0)?.at ?? Infinity;
  }

  /** Removes permits from the front: those that the predicate holds for, and no more than `most`. @returns how many */
  remove(isOver: (endedAt: number) => boolean, most = Infinity): number {
    let removed = 0;
    let next = this.#items[0];
    while (next !== undefined && removed < most && isOver(next.at)) {
      const permits = Math.min(next.permits, most - removed);
      removed += permits;
      next.permits -= permits;
      if (next.permits === 0) this.#items.shift();
      next = this.#items[0];
    }
    this.count -= removed;
    return removed;
  }
}

/**
 * The rule that holds the quota. There are `limit` permits. A request takes one permit (or as many as it costs) when it
 * is sent, and gives it back when it ends. The permit is free again one second after the answer was read.
 *
 * So the service never counts more than `limit` requests within one second, wherever that second begins and however
 * long requests are on their way. Proof: let `limit + 1` requests be counted within one second, and let X be the
 * request among them that was sent last, at time t. X was counted after t. So all others were counted after t - 1 s,
 * and none of them was answered before that. So at time t each of them still held its permit. There was no permit for
 * X.
 *
 * The proof rests on three things:
 *
 * - Only an answer proves that its request was counted. A service that stands still later reads what its sockets hold.
 *   So an unanswered permit is free one second after the answer to a request that was sent after the unanswered one was
 *   given up. This assumes that the service reads requests in the order of their arrival. While nothing is answered,
 *   single requests are sent as probes, and some permits are reserved for them. So at most `limit` requests are
 *   unanswered at a time while the reserve lasts (16 s at least). After that, each probe writes one permit off, every
 *   30 s.
 * - Credit: a permit counts as free earlier by half of the least round trip of the last ten seconds, 150 ms at most,
 *   since a request takes time to arrive. If the way there suddenly becomes shorter by more than that, the service may
 *   count up to half of (shortening in seconds) × `limit`, and one burst, more in that second: what was used early since
 *   then. Without credit, the bare proof holds.
 * - A request that never left this process gives its permit back as `unused`. That permit is free at once.
 */
export class PermitPool {
  #limit = 1;
  /** How many permits are in circulation. */
  #allowed = 1;
  #coolingMs = COOLING_MS;
  /** Between permits, in milliseconds. */
  intervalMs = 0;
  #burst = 1;
  /** End of the schedule that spaces permits (GCRA). */
  #usedUpAt = -Infinity;
  readonly #inFlight = new Set<Taken>();
  #inFlightPermits = 0;
  /** Given up without an answer. */
  readonly #unanswered = new EndedPermits();
  /** Answered. */
  readonly #cooling = new EndedPermits();
  readonly #leastRoundTrip = new LeastRoundTrip();
  #probedAt = -Infinity;
  /** Whether permits may be used early, by half of the least round trip. */
  credit = true;

  /**
   * @param limit permits, above 0: below 1 means one in more than a second
   * @param now monotonic milliseconds
   */
  constructor(
    limit: number,
    private readonly now: () => number,
  ) {
    this.setLimit(limit);
  }

  /**
   * Permits beyond a smaller limit are given back as usual.
   * @param permits how many of them may be in circulation
   */
  setLimit(limit: number, permits = limit, leastBurst = 1): void {
    this.#limit = Math.max(1, Math.floor(limit));
    this.#allowed = Math.max(1, Math.floor(permits));
    this.#coolingMs = COOLING_MS / Math.min(1, permits);
    const intervalMs = 1_000 / permits;
    // What was used at a slower pace is made good at the faster one.
    const aheadMs = Math.max(0, this.#usedUpAt - this.now());
    if (intervalMs < this.intervalMs) this.#usedUpAt += aheadMs * (intervalMs / this.intervalMs - 1);
    this.intervalMs = intervalMs;
    this.#burst = Math.max(leastBurst, burstOf(permits));
  }

  /** Requests in flight. */
  get requestsInFlight(): number {
    return this.#inFlight.size;
  }

  /** Permits that are not free. Those that may be taken early, by the credit, are among them. */
  get out(): number {
    this.#cooling.remove((at) => at + this.#coolingMs <= this.now());
    return this.#silent + this.#cooling.count;
  }

  /** How much earlier permits count as free at present, in milliseconds. */
  get creditMs(): number {
    return this.credit ? Math.min(MOST_CREDIT_MS, CREDIT_SHARE * this.#leastRoundTrip.ms(this.now())) : 0;
  }

  /**
   * How long until this many permits are free, in milliseconds. 0: now. Ask again after each `giveBack()`.
   * @param kept permits that must stay free for other requests
   */
  delayMs(permits: number, kept = 0): number {
    const now = this.now();
    this.#giveUpLost(now);
    // Pacing only smooths. The permits hold the limit.
    const pacedMs = this.#usedUpAt - (this.#burst - 1) * this.intervalMs - now;
    return Math.max(0, this.#freeAt(permits, kept, now) - now, pacedMs > EARLY_MS ? pacedMs : 0);
  }

  /**
   * Takes permits for one request. Call it only when the delay is 0. A request that costs more than the limit waits for
   * all permits, and counts with its full cost while it is out, since the limit may grow before it ends.
   */
  take(permits: number): Permit {
    const now = this.now();
    if (!this.#leavesEnoughForProbes(permits)) {
      this.#probedAt = now;
      this.#unanswered.remove(() => true, this.out + Math.min(permits, this.#limit) - this.#limit);
    }
    this.#usedUpAt = Math.max(this.#usedUpAt, now) + Math.min(permits, this.#allowed) * this.intervalMs;
    // A permit that is used early counts twice until it would have been free, so that other requests are not early too.
    this.#inFlightPermits += permits;
    const taken: Taken = { permits, takenAt: now };
    this.#inFlight.add(taken);
    return { giveBack: (use) => this.#giveBack(taken, use) };
  }

  /**
   * Starts the second of the unanswered permits that were given up before the service's answered request was sent.
   * @param sentAt when that request was sent. It may be one of another pool: the service reads them in one order.
   */
  settle(sentAt: number): void {
    const counted = this.#unanswered.remove((at) => at < sentAt);
    if (counted > 0) this.#cooling.push(this.now(), counted);
  }

  /** Permits without an answer: in flight or given up. */
  get #silent(): number {
    return this.#inFlightPermits + this.#unanswered.count;
  }

  /** When this many permits are free, as far as is known now. */
  #freeAt(permits: number, kept: number, now: number): number {
    const { out } = this;
    if (this.#leavesEnoughForProbes(permits)) {
      const missing = out + Math.min(permits + kept, this.#allowed) - this.#allowed;
      if (missing <= 0) return now;
      const endedAt = this.#cooling.endOf(missing);
      if (endedAt < Infinity) return endedAt + this.#coolingMs - this.creditMs;
    }
    const [oldest] = this.#inFlight;
    if (oldest !== undefined) return oldest.takenAt + LOST_MS;
    const { lastAt } = this.#cooling;
    return lastAt === undefined ? this.#probeAt(Math.min(permits, this.#limit)) : lastAt + this.#coolingMs;
  }

  /** Whether enough permits remain for probes if no request in flight is answered. */
  #leavesEnoughForProbes(permits: number): boolean {
    const wanted = Math.min(permits, this.#limit);
    if (this.#silent + Math.min(wanted, this.#allowed) > this.#allowed) return false;
    return this.#silent === 0 || this.#silent + wanted <= this.#limit - this.#keptForProbes;
  }

  get #keptForProbes(): number {
    return Math.max(Math.floor(this.#limit * PROBE_SHARE), Math.min(PROBES, Math.floor(this.#limit / 2)));
  }

  /** When the next probe may be sent, or a permit be written off. All permits that are out are unanswered. */
  #probeAt(wanted: number): number {
    if (this.#unanswered.count + wanted > this.#limit)
      return Math.max(this.#probedAt, this.#unanswered.lastAt ?? 0) + WRITE_OFF_MS;
    const probes = Math.max(1, Math.floor(this.#keptForProbes / wanted));
    return this.#probedAt + Math.max(PROBE_EVERY_MS, PROBING_MS / probes);
  }

  #giveBack(taken: Taken, use: PermitUse): boolean {
    if (!this.#inFlight.delete(taken)) return false;
    const now = this.now();
    const { permits, takenAt } = taken;
    this.#inFlightPermits -= permits;
    if (use === 'unanswered') this.#unanswered.push(now, permits);
    else if (use === 'answered') {
      this.#leastRoundTrip.record(takenAt, now);
      this.#cooling.push(now, permits);
      this.settle(takenAt);
    }
    return true;
  }

  #giveUpLost(now: number): void {
    for (const taken of this.#inFlight) {
      if (taken.takenAt + LOST_MS > now) return;
      this.#giveBack(taken, 'unanswered');
    }
  }
}
