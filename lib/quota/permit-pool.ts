import { LeastRoundTrip } from './least-round-trip.js';
import type { Permit, PermitUse } from './permit.js';

/** How long an answered permit stays out, in milliseconds: a second, and a little for rounding and drifting clocks. */
export const COOLING_MS = 1_002;
/** The part of the least round trip by which a permit may be used earlier. */
const CREDIT_SHARE = 0.5;
/** No more than that, however long the way: it is what a way that becomes short all at once can cost at most. */
const MOST_CREDIT_MS = 150;
/** What is kept back for probes, as a share of the limit; of a small limit, up to half or so many. */
const PROBE_SHARE = 0.25;
const PROBES = 8;
/** How often the service is probed while nothing but silence is known of it; with few permits kept back, less often. */
const PROBE_EVERY_MS = 1_000;
const PROBING_MS = 16_000;
/** How often once all permits are without an answer: then one of them is written off for each probe. */
const WRITE_OFF_MS = 30_000;
/** Longer than any request may take: a permit that is out for so long was lost. */
export const LOST_MS = 660_000;
/** How many requests may leave at once after a pause, as a share of a second's: it makes good a stall. */
const BURST_SHARE = 0.08;
/** Timers are no more exact than this. For pacing alone: a permit is never free too early. */
const EARLY_MS = 0.3;

export function burstOf(perSecond: number): number {
  return Math.max(1, Math.round(perSecond * BURST_SHARE));
}

/** By how much a permit may be used earlier, in milliseconds, where a round trip takes at least so long. */
export function creditOf(leastRoundTripMs: number): number {
  return Math.min(MOST_CREDIT_MS, CREDIT_SHARE * leastRoundTripMs);
}

/** Permits that went with one request. */
interface Taken {
  readonly permits: number;
  readonly takenAt: number;
}

/**
 * Permits on their way back, in the order of when their requests ended, in whole milliseconds: there are a thousand items
 * at most in a second, however many requests end in it. One for each would outlive so many calls that the garbage
 * collector moves them all twice.
 */
class ReturningPermits {
  readonly #items: { readonly at: number; permits: number }[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get lastAt(): number | undefined {
    return this.#items.at(-1)?.at;
  }

  /** @param endedAt rounded up, so that none is free too early */
  push(endedAt: number, permits: number): void {
    const at = Math.ceil(endedAt);
    const last = this.#items.at(-1);
    if (last?.at === at) last.permits += permits;
    else this.#items.push({ at, permits });
    this.#count += permits;
  }

  /** When the last of the next so many ended; undefined if there are not so many. */
  endOf(permits: number): number | undefined {
    let left = permits;
    return this.#items.find((item) => (left -= item.permits) <= 0)?.at;
  }

  /** Takes so many out, as far as there are. */
  remove(permits: number): void {
    for (let left = permits, next = this.#items[0]; next !== undefined && left > 0; next = this.#items[0]) {
      const removed = Math.min(next.permits, left);
      next.permits -= removed;
      this.#count -= removed;
      left -= removed;
      if (next.permits === 0) this.#items.shift();
    }
  }

  /** Takes out those whose end has it so. @returns how many */
  removeWhile(isOver: (endedAt: number) => boolean): number {
    const before = this.#count;
    for (let next = this.#items[0]; next !== undefined && isOver(next.at); next = this.#items[0])
      this.remove(next.permits);
    return before - this.#count;
  }
}

/**
 * The rule by which the quota is held. There are `limit` permits. A request takes one (or as many as it costs) when
 * it is let go, and gives it back with its end; it is free again one second after the answer was read.
 *
 * So the service never counts more than `limit` within one second, wherever that begins and however long requests
 * are on their way. Proof: let `limit + 1` requests be counted within one second, and X be the one of them that was
 * let go last, at t. X was counted after t. So the others were counted after t - 1 s, and none of them was answered
 * before that. So at t each of them still had its permit: there was none for X.
 *
 * What this rests on:
 *
 * - An answer proves that its request has been counted; silence proves nothing, since a service that stands still
 *   reads later what its sockets hold. A permit without an answer is free one second after the answer to something
 *   that was let go after it was given up, and that takes the service to read what came first before what came later.
 *   While nothing but silence is known, single requests go as probes, and a part of the permits is kept for them. So
 *   never more than `limit` are unanswered at a time, for as long as these last (16 s at least); then one permit is
 *   written off for each probe, every 30 s.
 * - Credit: a permit counts as free earlier by half of the least round trip of the last ten seconds, 150 ms at most,
 *   since a request that leaves now takes some time to arrive. If the way there becomes shorter by more than that at
 *   once, up to (what it became shorter by, in seconds) × `limit` more may be counted in that second. Without credit,
 *   the rule is the bare proof's.
 * - What never left its process is given back as `unused`, and is free at once.
 */
export class PermitPool {
  #limit = 1;
  /** How many of them are in circulation. */
  #allowed = 1;
  #coolingMs = COOLING_MS;
  /** Between permits, in milliseconds. */
  intervalMs = 0;
  #burst = 1;
  /** When the schedule is used up that spaces permits (GCRA). */
  #usedUpAt = -Infinity;
  readonly #inFlight = new Set<Taken>();
  #inFlightPermits = 0;
  /** Given up without an answer. */
  readonly #unanswered = new ReturningPermits();
  /** Answered. */
  readonly #cooling = new ReturningPermits();
  readonly #leastRoundTrip = new LeastRoundTrip();
  #probedAt = -Infinity;

  /**
   * @param limit permits, above 0: below 1 means one in more than a second
   * @param now monotonic milliseconds
   * @param credit whether permits may be used early, by a part of what the way takes at least
   */
  constructor(
    limit: number,
    private readonly now: () => number,
    public credit: boolean,
  ) {
    this.setLimit(limit);
  }

  /** What is out beyond a smaller limit comes back as ever. */
  setLimit(limit: number): void {
    this.#limit = Math.max(1, Math.floor(limit));
    this.allow(limit);
  }

  /** Has only so many permits in circulation from now on, out of the limit. */
  allow(permits: number): void {
    this.#allowed = Math.max(1, Math.floor(permits));
    this.#coolingMs = COOLING_MS / Math.min(1, permits);
    this.intervalMs = 1_000 / permits;
    this.#burst = burstOf(permits);
  }

  /** Requests that are under way. */
  get requestsInFlight(): number {
    return this.#inFlight.size;
  }

  /** Whether all permits are free, so that the pool knows nothing that a new one would not. */
  get isIdle(): boolean {
    this.#forgetCooled(this.now());
    return this.#out === 0;
  }

  /** By how much permits count as free earlier at present, in milliseconds. */
  get creditMs(): number {
    return this.credit ? creditOf(this.#leastRoundTrip.ms(this.now())) : 0;
  }

  /**
   * How long it is until so many permits may be taken, in milliseconds: 0 if now. To be asked again after each
   * `giveBack()`.
   * @param kept permits that are to stay free, for others
   */
  delayMs(permits: number, kept = 0): number {
    const now = this.now();
    this.#forgetLost(now);
    this.#forgetCooled(now);
    // For smoothness alone: the limit is held by the permits.
    const pacedMs = this.#usedUpAt - (this.#burst - 1) * this.intervalMs - now;
    return Math.max(this.#permitsDelayMs(permits, kept, now), pacedMs > EARLY_MS ? pacedMs : 0);
  }

  /**
   * Takes permits for one request. Only when there is no delay. One that costs more than there are waits for all of
   * them, and is out with its whole cost, since there may be more of them before it is back.
   */
  take(permits: number): Permit {
    const now = this.now();
    // One that is taken early is out twice until it would have been free, so that others are as late as ever.
    if (!this.#leavesEnoughForProbes(permits)) {
      this.#probedAt = now;
      this.#unanswered.remove(this.#out + Math.min(permits, this.#limit) - this.#limit);
    }
    this.#usedUpAt = Math.max(this.#usedUpAt, now) + Math.min(permits, this.#allowed) * this.intervalMs;
    this.#inFlightPermits += permits;
    const taken: Taken = { permits, takenAt: now };
    this.#inFlight.add(taken);
    return { giveBack: (use) => this.#giveBack(taken, use) };
  }

  get #out(): number {
    return this.#inFlightPermits + this.#unanswered.count + this.#cooling.count;
  }

  #permitsDelayMs(permits: number, kept: number, now: number): number {
    if (this.#leavesEnoughForProbes(permits)) {
      const missing = this.#out + Math.min(permits + kept, this.#allowed) - this.#allowed;
      if (missing <= 0) return 0;
      const endedAt = this.#cooling.endOf(missing);
      if (endedAt !== undefined) return Math.max(0, endedAt + this.#coolingMs - this.creditMs - now);
    }
    const [oldest] = this.#inFlight;
    if (oldest !== undefined) return oldest.takenAt + LOST_MS - now;
    const { lastAt } = this.#cooling;
    return lastAt === undefined
      ? this.#probeDelayMs(Math.min(permits, this.#limit), now)
      : lastAt + this.#coolingMs - now;
  }

  /** Whether it leaves enough for probes, should nothing that is under way be answered. */
  #leavesEnoughForProbes(permits: number): boolean {
    const wanted = Math.min(permits, this.#limit);
    const silent = this.#inFlightPermits + this.#unanswered.count;
    if (this.#unanswered.count > 0 && silent + Math.min(wanted, this.#allowed) > this.#allowed) return false;
    return silent === 0 || silent + wanted <= this.#limit - this.#keptForProbes;
  }

  get #keptForProbes(): number {
    return Math.max(Math.floor(this.#limit * PROBE_SHARE), Math.min(PROBES, Math.floor(this.#limit / 2)));
  }

  /** Nothing but what is unanswered is out. */
  #probeDelayMs(wanted: number, now: number): number {
    if (this.#unanswered.count + wanted <= this.#limit) {
      const probes = Math.max(1, Math.floor(this.#keptForProbes / wanted));
      const spacing = Math.max(PROBE_EVERY_MS, PROBING_MS / probes);
      return Math.max(0, this.#probedAt + spacing - now);
    }
    const since = Math.max(this.#probedAt, this.#unanswered.lastAt ?? now);
    return Math.max(0, since + WRITE_OFF_MS - now);
  }

  #giveBack(taken: Taken, use: PermitUse): void {
    if (!this.#inFlight.delete(taken)) return;
    const now = this.now();
    const { permits, takenAt } = taken;
    this.#inFlightPermits -= permits;
    if (use === 'unanswered') this.#unanswered.push(now, permits);
    else if (use === 'answered') {
      this.#leastRoundTrip.record(takenAt, now);
      this.#cooling.push(now, permits + this.#unanswered.removeWhile((at) => at < takenAt));
    }
  }

  /** Without credit, which is for what is taken now alone. */
  #forgetCooled(now: number): void {
    this.#cooling.removeWhile((at) => at + this.#coolingMs <= now);
  }

  #forgetLost(now: number): void {
    for (const taken of this.#inFlight) {
      if (taken.takenAt + LOST_MS > now) return;
      this.#giveBack(taken, 'unanswered');
    }
  }
}
