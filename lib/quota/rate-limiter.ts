import { SlidingCounts } from '../diagnostics/sliding-counts.js';
import { RtcQuotaError } from '../errors/rtc-quota.error.js';
import { AdaptiveLimit, type SentRequest, type ThrottlingEstimate } from './adaptive-limit.js';
import { ChunkTooLargeError } from './chunk-too-large.error.js';
import { PermitPool, type PermitUse, type Priority } from './permit-pool.js';
import type { HeldPermits, PermitDemand, PermitSource } from './quota-store.js';
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
  /** Returns the permits. Only the first call counts. */
  giveBack(end: RequestEnd): void;
}

/** A place in the queue. */
export interface Place {
  /** Rejects with an RtcQuotaError when the quota becomes unavailable or the chunk becomes too large. */
  readonly granted: Promise<RequestPermit>;
  /** Leaves the queue. Returns the permits if they were granted in the meantime. */
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
  /**
   * Opens the permits that processes share. This process has as many permits as it holds of these.
   */
  readonly openShared?:
    ((demand: () => PermitDemand, onPermits: (permits: HeldPermits) => void) => PermitSource) | undefined;
  /** Called with what the account seems to allow. Undefined: the service no longer refuses. */
  readonly onThrottling?: ((estimate: ThrottlingEstimate | undefined) => void) | undefined;
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
  after: (ms, wake) => {
    // A waiting call keeps the process alive by its own time limit.
    const timer = setTimeout(wake, ms).unref();
    return () => clearTimeout(timer);
  },
};

const SECOND_MS = 1_000;
/**
 * Permits reserved for single sends after the last single send, as a fraction of the limit. Without them, a fan-out
 * takes all permits, and none returns before its first second is over.
 */
const KEPT_FOR_SINGLES = { share: 0.005, forMs: 5_000 } as const;

/**
 * Concurrency of a fan-out: as many requests as the limit allows within a round trip, with headroom for those that take
 * longer than the mean.
 */
const CONCURRENCY = { least: 48, most: 256, headroom: 1.5, spare: 16 } as const;
/** Weight of a new sample in the moving average of the round trip. */
const SMOOTHING = 1 / 16;

const NO_PERMITS: HeldPermits = { held: 0, allowed: 0, usableUntil: -Infinity, endsAt: -Infinity };
/** The least burst of shared permits, of which a process may hold few. */
const LEAST_SHARED_BURST = 4;

interface Waiter extends PermitRequest {
  end?: RequestPermit | RtcQuotaError;
  /** Set when the request has to wait. */
  onEnd?: (end: RequestPermit | RtcQuotaError) => void;
}

/** Grants permits to requests in the order of their turns. */
export class RateLimiter {
  readonly #turns = new Turns<Waiter>();
  readonly #account: PermitPool;
  #adaptive: AdaptiveLimit;
  readonly #rooms: RoomPools;
  readonly #shared: PermitSource | undefined;
  /** What this process holds of the shared permits. */
  #held: HeldPermits | undefined;
  readonly #options: LimiterOptions;
  readonly #time: LimiterTime;
  readonly #granted = new SlidingCounts<'request' | 'permit'>(SECOND_MS);
  /** Moving average of the round trip in milliseconds. 0 until a request was answered. */
  #roundTripMs = 0;
  #limit: number;
  #lastTakenAt = -Infinity;
  #lastSingleAt = -Infinity;
  #reported: ThrottlingEstimate | undefined;
  #cancelTimer: (() => void) | undefined;
  #isPumping = false;

  constructor(options: LimiterOptions) {
    const { limit, time = REAL_TIME, openShared } = options;
    const now = (): number => time.now();
    this.#options = options;
    this.#limit = limit;
    this.#time = time;
    this.#account = new PermitPool(limit, now, true);
    this.#adaptive = new AdaptiveLimit(limit);
    this.#rooms = new RoomPools(now);
    if (openShared !== undefined) this.#held = NO_PERMITS;
    const onPermits = (permits: HeldPermits): void => {
      this.#held = permits;
      this.#pump();
    };
    this.#shared = openShared?.(() => this.#demand(), onPermits);
    this.configure(options);
  }

  /** Sets the limits that apply to all users of the limiter. */
  configure({ limit, roomLimit = Infinity, credit = true }: LimiterLimits): void {
    this.#limit = limit;
    this.#account.credit = credit;
    this.#adaptive.setLimit(limit);
    this.#setPermits();
    this.#rooms.configure(roomLimit, credit);
    if (this.#shared !== undefined) this.#shared.limit = limit;
    this.#pump();
  }

  /** Whether all permits are free, so that the limiter can be forgotten. */
  get isIdle(): boolean {
    return this.#account.isIdle;
  }

  /** Largest number of recipients in a request. */
  get chunkSize(): number {
    return this.#adaptive.chunkSize;
  }

  /** Average round trip in milliseconds. 0 until a request was answered. */
  get roundTripMs(): number {
    return this.#roundTripMs;
  }

  /** The concurrency of a fan-out. */
  get concurrency(): number {
    const { least, most, headroom, spare } = CONCURRENCY;
    const inFlight = (this.#limit * this.#roundTripMs * headroom) / SECOND_MS;
    return Math.min(most, Math.max(least, Math.ceil(inFlight + spare)));
  }

  get usage(): Omit<QuotaUsage, 'limit' | 'costPer' | 'roomMessagesPerSecond'> {
    const { counts, overMs } = this.#granted.read(this.#time.now());
    const perSecond = (kind: 'request' | 'permit'): number =>
      Math.round(((counts.get(kind) ?? 0) * 10_000) / overMs) / 10;
    const { allowed, chunkSize } = this.#adaptive;
    return {
      queued: this.#turns.waiting.single.size,
      maxQueue: this.#options.maxQueue,
      waitMs: Math.ceil(this.#estimateWaitMs(1)),
      queuedBulk: this.#turns.waiting.bulk.size,
      requestsPerSecond: perSecond('request'),
      permitsPerSecond: perSecond('permit'),
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
    const { priority, permits, recipients, roomId, withinMs } = request;
    // Each by its name, here and elsewhere on the way of a call: to spread an object costs several times as much.
    const waiter: Waiter = {
      priority,
      permits,
      recipients,
      roomId,
      withinMs,
      end: undefined,
      onEnd: undefined,
    };
    if (priority === 'single') this.#lastSingleAt = this.#time.now();
    this.#turns.add(waiter);
    this.#pump();
    if (waiter.end instanceof RtcQuotaError) throw waiter.end;
    if (waiter.end !== undefined) return waiter.end;

    // What is part of a bulk has all the time that there is.
    if (priority === 'single') this.#refuseIfTooLate(waiter);
    const granted = new Promise<RequestPermit>((resolve, reject) => {
      waiter.onEnd = (end) => (end instanceof RtcQuotaError ? reject(end) : resolve(end));
    });
    return {
      granted,
      cancel: () => {
        this.#turns.delete(waiter);
        if (waiter.end !== undefined && 'giveBack' in waiter.end) waiter.end.giveBack('unused');
        this.#pump();
      },
    };
  }

  /** Forgets refusals, as a new process would. Requests of the last second still count. */
  forgetRefusals(): void {
    this.#adaptive = new AdaptiveLimit(this.#limit);
    this.#setPermits();
  }

  close(): void {
    this.#cancelTimer?.();
    this.#shared?.close();
  }

  /** Refuses a single send at the end of the queue if the queue is full or its wait is too long. */
  #refuseIfTooLate(waiter: Waiter): void {
    const waitMs = Math.ceil(this.#estimateWaitMs(waiter.permits, waiter.permits));
    const others = this.#turns.waiting.single.size - 1;
    const isFull = others >= this.#options.maxQueue;
    if (!isFull && waitMs <= waiter.withinMs) return;
    this.#turns.delete(waiter);
    throw new RtcQuotaError(
      `The quota's queue is ${isFull ? 'full' : 'too long'}: ${others} calls are waiting, for about ${waitMs} ms. ` +
        'Nothing was sent.',
      { retryAfterMs: waitMs },
    );
  }

  /**
   * Estimated wait of a single send that arrives now. It waits for all single sends before it, which take turns with
   * fan-outs.
   * @param own its permits, if it is in the queue already
   */
  #estimateWaitMs(permits: number, own = 0): number {
    const { intervalMs } = this.#account;
    // Permits are also out during the round trip. When a permit in flight returns is not known.
    const outMs = SECOND_MS + this.#roundTripMs;
    const firstMs = Math.min(this.#account.delayMs(permits), outMs);
    const heldMs = Math.max(firstMs, this.#adaptive.pauseMs(this.#time.now()));
    const { single, bulk } = this.#turns.permits;
    const before = single - own + Math.min(single - own, bulk);
    return heldMs + (before * intervalMs * outMs) / SECOND_MS;
  }

  /** Grants all permits that are free, and sets a timer for the next. */
  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    try {
      this.#adapt();
      const full = new Map<string, number>();
      let delayMs = 0;
      while (delayMs === 0) delayMs = this.#letNextGo(full);
      if (delayMs < Infinity) this.#cancelTimer = this.#time.after(delayMs, () => this.#pump());
    } finally {
      this.#isPumping = false;
    }
  }

  /** Applies what was learned from refusals: fewer permits, smaller chunks. */
  #adapt(): void {
    const adaptive = this.#adaptive;
    const isAdapting = adaptive.isReduced || this.#reported !== undefined;
    if (isAdapting) adaptive.update(this.#time.now());
    if (isAdapting || this.#held !== undefined) this.#setPermits();
    if (!isAdapting) return;
    for (const waiter of this.#turns.waiting.bulk) {
      if (waiter.recipients > adaptive.chunkSize)
        this.#end(waiter, new ChunkTooLargeError(adaptive.chunkSize));
    }
    const told = this.#reported;
    const estimate = adaptive.isReduced ? (adaptive.estimate ?? told) : undefined;
    // Reported once, and again when a service that refused everything accepts something.
    const isKnown = estimate !== undefined && (told?.permitsPerSecond ?? 0) > 0;
    if (isKnown || estimate?.permitsPerSecond === told?.permitsPerSecond) return;
    this.#reported = estimate;
    this.#options.onThrottling?.(estimate);
  }

  /**
   * @param full rooms without free permits, each with the time until one is free
   * @returns how long to wait if no request can be sent
   */
  #letNextGo(full: Map<string, number>): number {
    let delayMs = this.#keptFromBulkMs() || Infinity;
    for (const waiter of this.#turns.inOrder(delayMs < Infinity)) {
      const { permits, roomId = '' } = waiter;
      const room = full.has(roomId) ? undefined : this.#rooms.of(waiter.roomId);
      const roomMs = full.get(roomId) ?? room?.delayMs(permits) ?? 0;
      if (roomMs > 0) {
        full.set(roomId, roomMs);
        delayMs = Math.min(delayMs, roomMs);
        continue;
      }
      // It is this request's turn. No other request overtakes it.
      const accountMs = this.#accountDelayMs(permits);
      if (accountMs > 0) return Math.min(delayMs, accountMs);
      this.#grant(waiter, room);
      return 0;
    }
    return delayMs;
  }

  /**
   * How long until a fan-out may take a permit without touching those that are reserved for single sends. 0 if none are
   * reserved.
   */
  #keptFromBulkMs(): number {
    const { share, forMs } = KEPT_FOR_SINGLES;
    const [first] = this.#turns.waiting.bulk;
    const kept = Math.floor(this.#adaptive.allowed * share);
    const isKept = kept > 0 && this.#time.now() - this.#lastSingleAt < forMs;
    if (!isKept || first === undefined || this.#account.delayMs(first.permits) > 0) return 0;
    return this.#account.delayMs(first.permits, kept);
  }

  /** How long until the account has so many permits for the next request, in milliseconds. */
  #accountDelayMs(permits: number): number {
    const now = this.#time.now();
    const pauseMs = this.#adaptive.pauseMs(now);
    if (pauseMs > 0) return pauseMs;
    if (this.#account.requestsInFlight >= this.#adaptive.maxInFlight) return Infinity;
    const held = this.#held;
    const isEnough =
      held === undefined || (now < held.usableUntil && held.allowed >= Math.min(permits, this.#limit));
    const delayMs = isEnough ? this.#account.delayMs(permits) : Infinity;
    if (delayMs > 0) this.#shared?.request();
    if (held?.unavailable !== undefined) this.#refuseAll(held.unavailable);
    return delayMs;
  }

  /** Permits that this process may use: as many as the service accepts, of those that it holds. */
  #setPermits(): void {
    const { allowed } = this.#adaptive;
    const held = this.#held;
    if (held === undefined) this.#account.setLimit(this.#limit, allowed);
    else {
      this.#account.setLimit(held.held, Math.min(allowed, Math.max(1, held.allowed)), LEAST_SHARED_BURST);
    }
  }

  #demand(): PermitDemand {
    const { waiting, permits } = this.#turns;
    const { out } = this.#account;
    const [next] = this.#turns.inOrder();
    const most = Math.max(1, Math.floor(this.#adaptive.allowed));
    const used = out + permits.single + permits.bulk;
    const hasSingles = this.#time.now() - this.#lastSingleAt < KEPT_FOR_SINGLES.forMs;
    const spare = used > 0 || hasSingles ? Math.ceil(this.#limit * 0.01) + 2 : 0;
    return {
      out,
      wanted: waiting.bulk.size > 0 ? most : Math.min(most, Math.ceil(used * 1.25) + spare),
      together: next === undefined ? 0 : Math.min(next.permits, this.#limit),
    };
  }

  #grant(waiter: Waiter, room: PermitPool | undefined): void {
    const now = this.#time.now();
    const { permits, recipients } = waiter;
    this.#turns.spend(waiter);
    this.#granted.add('request', now);
    this.#granted.add('permit', now, permits);
    const isAlone = now - this.#lastTakenAt >= SECOND_MS;
    const sent: SentRequest = { takenAt: now, permits, recipients, isAlone };
    this.#lastTakenAt = now;
    const taken = [this.#account.take(permits), room?.take(permits)];
    let isOut = true;
    this.#end(waiter, {
      isValid: () => this.#time.now() < (this.#held?.endsAt ?? Infinity),
      giveBack: (end) => {
        if (!isOut) return;
        isOut = false;
        for (const permit of taken) permit?.giveBack(useOf(end));
        this.#learn(sent, end);
        this.#pump();
      },
    });
  }

  #learn(sent: SentRequest, end: RequestEnd): void {
    const now = this.#time.now();
    if (useOf(end) === 'answered') this.#roundTripMs += (now - sent.takenAt - this.#roundTripMs) * SMOOTHING;
    if (end === 'answered') this.#adaptive.answered();
    else if (end === 'accepted') this.#adaptive.accepted(sent, now);
    else if (typeof end === 'object') this.#adaptive.refused(sent, end.throttledMs, now);
  }

  #end(waiter: Waiter, end: RequestPermit | RtcQuotaError): void {
    this.#turns.delete(waiter);
    waiter.end = end;
    waiter.onEnd?.(end);
  }

  #refuseAll({ reason, retryAfterMs }: NonNullable<HeldPermits['unavailable']>): void {
    for (const waiter of this.#turns.inOrder()) {
      this.#end(waiter, new RtcQuotaError(`${reason}. Nothing was sent.`, { retryAfterMs }));
    }
  }
}

function useOf(end: RequestEnd): PermitUse {
  return end === 'unused' || end === 'unanswered' ? end : 'answered';
}
