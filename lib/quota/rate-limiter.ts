import { SlidingCounts } from '../diagnostics/sliding-counts.js';
import { RtcQuotaError } from '../errors/rtc-quota.error.js';
import { AdaptiveLimit, SECOND_MS, type SentRequest, type ThrottlingEstimate } from './adaptive-limit.js';
import { PermitPool, type PermitUse, type Priority } from './permit-pool.js';
import type {
  HeldPermits,
  PermitDemand,
  PermitSource,
  QuotaScope,
  QuotaStatusChange,
} from './quota-store.js';
import type { QuotaUsage } from './quota-usage.js';
import { RoomPools } from './room-pools.js';
import { Turns } from './turns.js';

/** A request for permits. */
export interface PermitRequest {
  readonly priority: Priority;
  /** Number of permits, 1 or more. */
  readonly permits: number;
  readonly recipients: number;
  /** The room of the message. */
  readonly roomId?: string | undefined;
  /** How long a single send can wait, in milliseconds. */
  readonly withinMs: number;
}

/** How a request ended, and whether the service throttled it. */
export type RequestEnd = PermitUse | 'accepted' | { readonly throttledMs: number };

/** All permits of one request: the account's, the room's and the shared ones. */
export interface RequestPermit {
  /** Whether the permits may still be used. They may not when the process stood still past their lease. */
  isValid(): boolean;
  /** Gives the permits back. Only the first call counts. */
  giveBack(end: RequestEnd): void;
}

/** A place in the queue. */
export interface Place {
  /** Rejects with an RtcQuotaError when the quota becomes unavailable or the chunk becomes too large. */
  readonly granted: Promise<RequestPermit>;
  /** Leaves the queue. Gives the permits back if they were granted in the meantime. */
  cancel(): void;
}

/** The limits of a limiter. */
export interface LimiterLimits {
  /** Permits in any second. */
  readonly limit: number;
  /** Permits in any second for each room. Default: no limit. */
  readonly roomLimit?: number;
  /** Whether permits may be used early, by half of the least round trip. Default: true. */
  readonly credit?: boolean;
}

export interface LimiterOptions extends LimiterLimits {
  /** Largest number of waiting single sends. Fan-outs bound their requests in flight themselves. */
  readonly maxQueue: number;
  /** Opens the permits that processes share. This process has as many permits as it holds of these. */
  readonly openShared?: ((scope: Omit<QuotaScope, 'name'>) => PermitSource) | undefined;
  /** Called when the state of the shared permits changes, and once when it is first known. */
  readonly onStatus?: (change: QuotaStatusChange) => void;
  /** Called with what the account seems to allow. Undefined: the service no longer refuses. */
  readonly onThrottling?: (estimate: ThrottlingEstimate | undefined) => void;
  readonly time?: LimiterTime;
}

/** The clock and timer of a limiter. */
export interface LimiterTime {
  /** Monotonic milliseconds. */
  now(): number;
  /** @returns a function that cancels the timer */
  after(ms: number, wake: () => void): () => void;
}

const REAL_TIME: LimiterTime = {
  now: () => performance.now(),
  // A waiting call keeps the process alive by its own time limit.
  after: (ms, wake) => clearTimeout.bind(undefined, setTimeout(wake, ms).unref()),
};

/**
 * Permits reserved for single sends after the last single send, as a fraction of the limit. Without them, a fan-out
 * takes all permits, and none is free again before its first second is over.
 */
const KEPT_FOR_SINGLES = { share: 0.01, forMs: 5_000 } as const;

/**
 * Concurrency of a fan-out: as many requests as the limit allows within a round trip, with headroom for those that take
 * longer than the mean.
 */
const CONCURRENCY = { least: 48, most: 256, headroom: 1.5, spare: 16 } as const;
/** Weight of a new sample in the moving average of the round trip. */
const SMOOTHING = 1 / 16;
/** When to try again a request that was refused because the shared permits are unavailable. */
const UNAVAILABLE_MS = 250;

/** What a process holds that shares none. */
const ALL_PERMITS = { permits: Infinity, usableUntil: Infinity, endsAt: Infinity };

/** The least burst of shared permits, of which a process may hold few. */
const LEAST_SHARED_BURST = 4;

interface Waiter {
  readonly request: PermitRequest;
  end: RequestPermit | RtcQuotaError | undefined;
  /** Set when the request has to wait. */
  onEnd: ((end: RequestPermit | RtcQuotaError) => void) | undefined;
}

/** Grants permits to requests in the order of their turns. */
export class RateLimiter {
  readonly #turns = new Turns<Waiter>();
  readonly #account: PermitPool;
  readonly #adaptive: AdaptiveLimit;
  readonly #rooms: RoomPools;
  #shared: PermitSource | undefined;
  /** What this process holds of the shared permits. Without a status until the store has told it. */
  #held: Omit<HeldPermits, 'status'> & Partial<QuotaStatusChange>;
  /** What the permits that are taken now rest on. Each renewal extends it, unless it has ended before. */
  #lease = { endsAt: Infinity };
  readonly #options: LimiterOptions;
  readonly #time: LimiterTime;
  readonly #granted = new SlidingCounts<'permit'>(SECOND_MS);
  /** Average round trip in milliseconds. 0 until a request was answered. */
  roundTripMs = 0;
  #limit: number;
  #roomLimit = Infinity;
  #lastTakenAt = -Infinity;
  #lastSingleAt = -Infinity;
  #cancelTimer: (() => void) | undefined;
  /** Whether the next request waits for permits of the account. */
  #isShort = false;
  #isRequesting = false;

  constructor(options: LimiterOptions) {
    const { limit, time = REAL_TIME, openShared, onThrottling } = options;
    const now = (): number => time.now();
    this.#options = options;
    this.#limit = limit;
    this.#time = time;
    this.#account = new PermitPool(limit, now);
    this.#adaptive = new AdaptiveLimit(limit, onThrottling);
    this.#rooms = new RoomPools(now);
    this.#held = openShared === undefined ? ALL_PERMITS : { ...ALL_PERMITS, permits: 0 };
    this.#shared = openShared?.({
      demand: () => this.#demand(),
      onPermits: (permits) => this.#hold(permits),
    });
    this.configure(options);
  }

  /** Sets the limits that apply to all users of the limiter. */
  configure({ limit, roomLimit = Infinity, credit = true }: LimiterLimits): void {
    this.#limit = limit;
    this.#account.credit = credit;
    this.#adaptive.setLimit(limit);
    this.#roomLimit = roomLimit;
    this.#pump();
  }

  /** Whether the limiter can be forgotten: nobody waits, and its permits are free or known to a store. */
  get isIdle(): boolean {
    const { single, bulk } = this.#turns.waiting;
    return single.size + bulk.size === 0 && (this.#shared !== undefined || this.#account.out === 0);
  }

  /** Largest number of recipients in a request. Infinity unless the service was found to refuse larger requests. */
  get chunkSize(): number {
    return this.#adaptive.chunkSize;
  }

  /** The concurrency of a fan-out. */
  get concurrency(): number {
    const { least, most, headroom, spare } = CONCURRENCY;
    const inFlight = (this.#limit * this.roundTripMs * headroom) / SECOND_MS;
    // Until the first answer, to read more would only delay the first requests. While probes are sent, none is due.
    return Math.min(most, 2 * this.#adaptive.maxInFlight, Math.max(least, Math.ceil(inFlight + spare)));
  }

  get usage(): Omit<QuotaUsage, 'costPer' | 'roomMessagesPerSecond'> {
    const { counts, overMs } = this.#granted.read(this.#time.now());
    const { allowed, chunkSize } = this.#adaptive;
    return {
      queued: this.#turns.waiting.single.size,
      maxQueue: this.#options.maxQueue,
      waitMs: this.#estimateWaitMs(1),
      queuedBulk: this.#turns.waiting.bulk.size,
      permitsPerSecond: Math.round(((counts.get('permit') ?? 0) * 10_000) / overMs) / 10,
      limit: this.#limit,
      allowed: Math.round(allowed * 10) / 10,
      ...(chunkSize < Infinity && { chunkSize }),
    };
  }

  /**
   * Takes permits, or joins the queue.
   * @throws RtcQuotaError when the queue is full, the estimated wait is longer than `withinMs`, or the quota is
   * unavailable
   */
  enter(request: PermitRequest): RequestPermit | Place {
    const waiter: Waiter = { request, end: undefined, onEnd: undefined };
    const isSingle = request.priority === 'single';
    if (isSingle) this.#lastSingleAt = this.#time.now();
    this.#turns.add(waiter);
    this.#pump();
    // A request of a fan-out is never refused for a long wait.
    if (isSingle && waiter.end === undefined) this.#refuseIfTooLate(waiter);
    if (waiter.end instanceof RtcQuotaError) throw waiter.end;
    if (waiter.end !== undefined) return waiter.end;
    const granted = new Promise<RequestPermit>((resolve, reject) => {
      waiter.onEnd = (end) => (end instanceof RtcQuotaError ? reject(end) : resolve(end));
    });
    return {
      granted,
      cancel: () => {
        this.#turns.delete(waiter);
        if (!(waiter.end instanceof RtcQuotaError)) waiter.end?.giveBack('unused');
        this.#pump();
      },
    };
  }

  /** Forgets refusals, as a new process would. Requests of the last second still count. */
  forgetRefusals(): void {
    this.#adaptive.forget();
    this.#pump();
  }

  /** Releases the store. More than one call does no harm. */
  close(): void {
    this.#cancelTimer?.();
    this.#shared?.close();
    this.#shared = undefined;
  }

  /** Refuses a single send at the end of the queue if the queue is full or its wait is too long. */
  #refuseIfTooLate(waiter: Waiter): void {
    this.#turns.delete(waiter);
    const { size } = this.#turns.waiting.single;
    const waitMs = this.#estimateWaitMs(waiter.request.permits, waiter.request.roomId);
    const isFull = size >= this.#options.maxQueue;
    if (!isFull && waitMs <= waiter.request.withinMs) this.#turns.add(waiter);
    else {
      const what = `is ${isFull ? 'full' : 'too long'}: ${size} calls are waiting, for about ${waitMs} ms`;
      const init = { retryAfterMs: waitMs };
      waiter.end = new RtcQuotaError(`The quota's queue ${what}. Nothing was sent.`, init);
      // The timer may be that of this request, which had the turn.
      this.#pump();
    }
  }

  /**
   * Estimated wait of a single send that arrives now, in milliseconds. It waits for all single sends before it, which
   * take turns with fan-outs: for those of the account, and for those into its room.
   */
  #estimateWaitMs(permits: number, roomId = ''): number {
    // Permits are also out during the round trip. When a permit in flight will be free is not known.
    const outMs = SECOND_MS + this.roundTripMs;
    const waitMs = (pool: PermitPool, { single, bulk }: Record<Priority, number>, leastMs: number): number =>
      Math.max(leastMs, Math.min(pool.delayMs(permits), outMs)) +
      ((single + Math.min(single, bulk)) * pool.intervalMs * outMs) / SECOND_MS;
    const accountMs = waitMs(this.#account, this.#turns.permits, this.#adaptive.pauseMs(this.#time.now()));
    const room = this.#rooms.of(roomId, this.#roomLimit, this.#account.credit);
    if (room === undefined) return Math.ceil(accountMs);
    const ofRoom = { single: 0, bulk: 0 };
    for (const { request } of this.#turns.inOrder())
      if (request.roomId === roomId) ofRoom[request.priority] += request.permits;
    return Math.ceil(Math.max(accountMs, waitMs(room, ofRoom, 0)));
  }

  /** Grants all permits that are free, sets a timer for the next, and asks the store for more. */
  #pump(): void {
    this.#cancelTimer?.();
    this.#isShort = false;
    this.#update();
    const full = new Map<string, number>();
    let delayMs = 0;
    while (delayMs === 0) delayMs = this.#letNextGo(full);
    if (delayMs < Infinity) this.#cancelTimer = this.#time.after(delayMs, () => this.#pump());
    // The store may answer at once. If that is not enough, it is not asked again for now.
    if (!this.#isShort || this.#isRequesting) return;
    this.#isRequesting = true;
    try {
      this.#shared?.request();
    } finally {
      this.#isRequesting = false;
    }
  }

  /** Applies what the service accepts and what this process holds, and refuses requests that can't be sent so. */
  #update(): void {
    this.#adaptive.update(this.#time.now());
    const { allowed, chunkSize } = this.#adaptive;
    const { permits, status, failure } = this.#held;
    const limit = Math.min(this.#limit, Math.max(permits, this.#account.out));
    const leastBurst = this.#shared === undefined ? 1 : LEAST_SHARED_BURST;
    this.#account.setLimit(limit, Math.min(allowed, Math.max(1, permits)), leastBurst);
    if (status === 'refusing') {
      const reason = `The shared quota is unavailable: ${failure}. Nothing was sent.`;
      for (const waiter of this.#turns.inOrder())
        this.#end(waiter, new RtcQuotaError(reason, { retryAfterMs: UNAVAILABLE_MS }));
    }
    for (const waiter of chunkSize < Infinity ? this.#turns.waiting.bulk : []) {
      if (waiter.request.recipients <= chunkSize) continue;
      const tooLarge = `The service refuses requests of more than ${chunkSize} recipients. Nothing was sent.`;
      this.#end(waiter, new RtcQuotaError(tooLarge, { retryAfterMs: 0, chunkSize }));
    }
  }

  /**
   * @param full rooms without free permits, each with the time until one is free
   * @returns how long to wait if no request can be sent
   */
  #letNextGo(full: Map<string, number>): number {
    const reserve = this.#hasSingles ? Math.floor(this.#adaptive.allowed * KEPT_FOR_SINGLES.share) : 0;
    // None once single sends have taken so many more than their turns.
    const kept = this.#turns.lead > reserve ? 0 : reserve;
    let delayMs = Infinity;
    let isHeldBack = false;
    for (const priority of this.#turns.order) {
      for (const waiter of this.#turns.waiting[priority]) {
        const { permits, roomId = '' } = waiter.request;
        // It waits for the shared permits. This process's own share will never be enough.
        if (this.#held.status === 'fallback' && !this.#holds(permits)) continue;
        const { credit } = this.#account;
        const room = full.has(roomId) ? undefined : this.#rooms.of(roomId, this.#roomLimit, credit);
        const roomMs = full.get(roomId) ?? room?.delayMs(permits) ?? 0;
        if (roomMs > 0) {
          full.set(roomId, roomMs);
          delayMs = Math.min(delayMs, roomMs);
          continue;
        }
        // It is this request's turn. No other request overtakes it.
        const accountMs = this.#accountDelayMs(permits);
        if (accountMs > 0) return Math.min(delayMs, accountMs);
        const keptMs = priority === 'bulk' ? this.#account.delayMs(permits, kept) : 0;
        if (keptMs === 0) {
          this.#grant(waiter, room, isHeldBack);
          return 0;
        }
        // Only the permits that are kept for single sends are free.
        delayMs = Math.min(delayMs, keptMs);
        isHeldBack = true;
        break;
      }
    }
    return delayMs;
  }

  /** How long until the account has so many permits for the next request, in milliseconds. */
  #accountDelayMs(permits: number): number {
    const now = this.#time.now();
    const pauseMs = this.#adaptive.pauseMs(now);
    if (pauseMs > 0) return pauseMs;
    if (this.#account.requestsInFlight >= this.#adaptive.maxInFlight) return Infinity;
    const isHeld = now < this.#held.usableUntil && this.#holds(permits);
    const delayMs = isHeld ? this.#account.delayMs(permits) : Infinity;
    this.#isShort = delayMs > 0;
    return delayMs;
  }

  /** Whether this process holds enough permits for a request. One that costs more than the limit needs them all. */
  #holds(permits: number): boolean {
    return this.#held.permits >= Math.min(permits, this.#limit);
  }

  #hold(held: HeldPermits): void {
    const { status, failure } = held;
    const isNews = status !== this.#held.status;
    this.#held = held;
    // After its end, others may have the permits. Permits of this process's own renew no shared ones.
    if (this.#time.now() < this.#lease.endsAt && held.endsAt < Infinity) this.#lease.endsAt = held.endsAt;
    else this.#lease = { endsAt: held.endsAt };
    if (isNews) this.#options.onStatus?.({ status, ...(failure !== undefined && { failure }) });
    this.#pump();
  }

  /** Whether there was a single send lately. */
  get #hasSingles(): boolean {
    return this.#time.now() - this.#lastSingleAt < KEPT_FOR_SINGLES.forMs;
  }

  #demand(): PermitDemand {
    const { waiting, permits } = this.#turns;
    const { out } = this.#account;
    const [next] = this.#turns.inOrder();
    const most = Math.max(1, Math.floor(this.#adaptive.allowed));
    const used = out + permits.single;
    const spare = used > 0 || this.#hasSingles ? Math.ceil(this.#limit * 0.01) + 2 : 0;
    return {
      limit: this.#limit,
      out,
      wanted: waiting.bulk.size > 0 ? most : Math.min(most, Math.ceil(used * 1.25) + spare),
      together: Math.min(next?.request.permits ?? 0, this.#limit),
    };
  }

  /** @param isOwed whether it is the turn of a fan-out, which leaves its permits to single sends */
  #grant(waiter: Waiter, room: PermitPool | undefined, isOwed: boolean): void {
    const now = this.#time.now();
    const { permits, recipients } = waiter.request;
    this.#turns.spend(waiter, isOwed);
    this.#granted.add('permit', now, permits);
    const isAlone = now - this.#lastTakenAt >= SECOND_MS;
    const sent: SentRequest = { takenAt: now, permits, recipients, isAlone };
    this.#lastTakenAt = now;
    const ofAccount = this.#account.take(permits);
    const ofRoom = room?.take(permits);
    const lease = this.#lease;
    const isValid = (): boolean => this.#time.now() < lease.endsAt;
    this.#end(waiter, {
      isValid,
      giveBack: (end) => {
        const isSilent = end === 'unused' || end === 'unanswered';
        // Others may have used a permit that has expired, so it is not free at once.
        const use = !isSilent ? 'answered' : isValid() ? end : 'unanswered';
        if (!ofAccount.giveBack(use)) return;
        ofRoom?.giveBack(use);
        if (!isSilent) this.#learn(sent, end);
        this.#pump();
      },
    });
  }

  #learn(sent: SentRequest, end: Exclude<RequestEnd, 'unused' | 'unanswered'>): void {
    this.#rooms.answered(sent.takenAt);
    const now = this.#time.now();
    this.roundTripMs += (now - sent.takenAt - this.roundTripMs) * SMOOTHING;
    if (end === 'answered') this.#adaptive.answered();
    else if (end === 'accepted') this.#adaptive.accepted(sent, now);
    else this.#adaptive.refused(sent, end.throttledMs, now);
  }

  #end(waiter: Waiter, end: RequestPermit | RtcQuotaError): void {
    this.#turns.delete(waiter);
    waiter.end = end;
    waiter.onEnd?.(end);
  }
}
