import { SlidingCounts } from '../diagnostics/sliding-counts.js';
import { RtcQuotaError } from '../errors/rtc-quota.error.js';
import { AdaptiveLimit, type SentRequest, type ThrottlingEstimate } from './adaptive-limit.js';
import { ChunkTooLargeError } from './chunk-too-large.error.js';
import { Concurrency } from './concurrency.js';
import type { Permit, PermitUse, Priority } from './permit.js';
import { PermitPool } from './permit-pool.js';
import type { PermitSource } from './quota-store.js';
import type { QuotaUsage } from './quota-usage.js';
import { RoomPools } from './room-pools.js';
import { Turns } from './turns.js';

/** What a request asks of the limiter. */
export interface PermitRequest {
  readonly priority: Priority;
  /** How many permits it takes, 1 or more. */
  readonly permits: number;
  readonly recipients: number;
  /** The room that it sends into. */
  readonly roomId?: string | undefined;
  /** How long a single send has time to wait, in milliseconds. */
  readonly withinMs: number;
}

/** How the request ended: what became of its permit, and what the service said of the quota. */
export type RequestEnd = PermitUse | 'accepted' | { readonly throttledMs: number };

/** The permits of one request: of the account, of its room, and of the processes together. */
export interface RequestPermit {
  /** Whether they may still be used: others may have them by now, if this process stood still. */
  isValid(): boolean;
  /** Gives them back: only the first time counts. */
  giveBack(end: RequestEnd): void;
}

/** A place in the queue. */
export interface Place {
  /** Rejected with an RtcQuotaError when the quota is unavailable or the chunk has become too large. */
  readonly granted: Promise<RequestPermit>;
  /** Gives the place up, or the permits, if they were granted meanwhile. */
  cancel(): void;
}

/** What requests are held to. */
export interface LimiterLimits {
  /** Permits in any second. */
  readonly limit: number;
  /** Permits in any second of each room. Default: no such limit. */
  readonly roomLimit?: number;
  /** Whether permits may be used early, by a part of what the way takes at least. Default: true. */
  readonly credit?: boolean;
}

export interface LimiterOptions extends LimiterLimits {
  /** How many single sends may wait; what a fan-out has in flight is bounded by itself. */
  readonly maxQueue: number;
  /** Permits that processes share, beside those of this one. `onChange` is to be called when there may be more. */
  readonly openShared?: ((onChange: () => void) => PermitSource) | undefined;
  /** Undefined: the service refuses no more. */
  readonly onThrottling?: ((estimate: ThrottlingEstimate | undefined) => void) | undefined;
  readonly time?: LimiterTime;
}

/** What time is measured and waited for with. */
export interface LimiterTime {
  /** Monotonic milliseconds. */
  now(): number;
  /** @returns what cancels it */
  after(ms: number, wake: () => void): () => void;
}

const REAL_TIME: LimiterTime = {
  now: () => performance.now(),
  after: (ms, wake) => {
    // Whoever waits keeps the process alive by its own time limit.
    const timer = setTimeout(wake, Math.min(ms, LONGEST_WAIT_MS)).unref();
    return () => clearTimeout(timer);
  },
};

/** Then it is looked again. */
const LONGEST_WAIT_MS = 60_000;
const SECOND_MS = 1_000;
/**
 * Permits that fan-outs leave for single sends, as a share of the limit, and for how long after the last one. A fan-out
 * takes whatever there is, so that none would come back for a while before the second is over in which it began.
 */
const KEPT_FOR_SINGLES = { share: 0.005, forMs: 5_000 } as const;

interface Waiter extends PermitRequest {
  end?: RequestPermit | RtcQuotaError;
  /** Once it is clear that there is a wait. */
  onEnd?: (end: RequestPermit | RtcQuotaError) => void;
}

/** Lets requests go one by one, in their turns, as there are permits for them. */
export class RateLimiter {
  readonly #turns = new Turns<Waiter>();
  readonly #account: PermitPool;
  readonly #adaptive: AdaptiveLimit;
  readonly #rooms: RoomPools;
  readonly #shared: PermitSource | undefined;
  readonly #maxQueue: number;
  readonly #time: LimiterTime;
  readonly #onThrottling: LimiterOptions['onThrottling'];
  readonly #concurrency = new Concurrency();
  readonly #granted = new SlidingCounts<'request' | 'permit'>(SECOND_MS);
  #limit: number;
  #lastTakenAt = -Infinity;
  #lastSingleAt = -Infinity;
  #told: ThrottlingEstimate | undefined;
  #cancelTimer: (() => void) | undefined;
  #isPumping = false;

  constructor(options: LimiterOptions) {
    const { limit, maxQueue, time = REAL_TIME, onThrottling, openShared } = options;
    const now = (): number => time.now();
    this.#limit = limit;
    this.#maxQueue = maxQueue;
    this.#time = time;
    this.#onThrottling = onThrottling;
    this.#account = new PermitPool(limit, now, true);
    this.#adaptive = new AdaptiveLimit(limit);
    this.#rooms = new RoomPools(now);
    this.#shared = openShared?.(() => this.#pump());
    this.configure(options);
  }

  /** What all who use it want to be held to. */
  configure({ limit, roomLimit = Infinity, credit = true }: LimiterLimits): void {
    this.#limit = limit;
    this.#account.credit = credit;
    this.#account.setLimit(limit);
    this.#adaptive.setLimit(limit);
    this.#rooms.configure(roomLimit, credit);
    if (this.#shared !== undefined) this.#shared.limit = limit;
    this.#pump();
  }

  /** Whether it knows of nothing that the service may still count. */
  get isIdle(): boolean {
    return this.#account.isIdle;
  }

  /** How many recipients a request should have at most. */
  get chunkSize(): number {
    return this.#adaptive.chunkSize;
  }

  /** How long a request is under way of late, in milliseconds; 0 until one is answered. */
  get roundTripMs(): number {
    return this.#concurrency.roundTripMs;
  }

  /** How many requests a fan-out is to have in flight. */
  get concurrency(): number {
    return this.#concurrency.for(this.#limit, this.#time.now());
  }

  get usage(): Omit<QuotaUsage, 'limit' | 'costPer' | 'roomMessagesPerSecond'> {
    const { counts, overMs } = this.#granted.read(this.#time.now());
    const perSecond = (kind: 'request' | 'permit'): number =>
      Math.round(((counts.get(kind) ?? 0) * 10_000) / overMs) / 10;
    const { allowed, chunkSize } = this.#adaptive;
    return {
      queued: this.#turns.waiting.single.size,
      maxQueue: this.#maxQueue,
      waitMs: Math.ceil(this.#estimateWaitMs('single', 1)),
      queuedBulk: this.#turns.waiting.bulk.size,
      requestsPerSecond: perSecond('request'),
      permitsPerSecond: perSecond('permit'),
      allowed: Math.round(allowed * 10) / 10,
      ...(chunkSize < Infinity && { chunkSize }),
    };
  }

  /**
   * Takes permits, or a place in the queue.
   * @throws RtcQuotaError when the queue is full, or too long to come through it in time, or the quota unavailable
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
    const waitMs = priority === 'single' ? Math.ceil(this.#estimateWaitMs(priority, permits, permits)) : 0;
    const problem = priority === 'single' && this.#problemOf(waitMs, withinMs);
    if (problem) {
      this.#turns.delete(waiter);
      throw new RtcQuotaError(`The quota's queue ${problem}. Nothing was sent.`, { retryAfterMs: waitMs });
    }
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

  /** Forgets refusals, as a new process would; what was sent a moment ago still counts. */
  forgetRefusals(): void {
    this.#adaptive.reset();
    this.#account.allow(this.#limit);
  }

  close(): void {
    this.#cancelTimer?.();
    this.#shared?.close();
  }

  /** Of a single send that would wait for so long, as the last of the queue. */
  #problemOf(waitMs: number, withinMs: number): string | false {
    const others = this.#turns.waiting.single.size - 1;
    if (others >= this.#maxQueue) return `is full: ${others} calls are waiting, for about ${waitMs} ms`;
    if (waitMs <= withinMs) return false;
    return `is too long: about ${waitMs} ms, where ${Math.floor(withinMs)} ms are left`;
  }

  /**
   * Whoever comes now comes after those of its own priority, and takes turns with those of the other.
   * @param waiting permits that it waits for already
   */
  #estimateWaitMs(priority: Priority, permits: number, waiting = 0): number {
    const { intervalMs } = this.#account;
    // Permits are out for the round trip, too; when one that is under way comes back is not known.
    const outMs = SECOND_MS + this.#concurrency.roundTripMs;
    const firstMs = Math.min(this.#account.delayMs(permits), outMs);
    const heldMs = Math.max(firstMs, this.#adaptive.pauseMs(this.#time.now()));
    return heldMs + (this.#turns.permitsBefore(priority, waiting) * intervalMs * outMs) / SECOND_MS;
  }

  /** Lets go whoever may, and comes back when someone else will. */
  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    try {
      this.#adapt();
      if (this.#turns.size === 0) return;
      const full = new Map<string, number>();
      let delayMs = 0;
      while (this.#turns.size > 0 && delayMs === 0) delayMs = this.#letNextGo(full);
      if (delayMs > 0 && delayMs < Infinity)
        this.#cancelTimer = this.#time.after(delayMs, () => this.#pump());
    } finally {
      this.#isPumping = false;
    }
  }

  /** Follows what the service refuses: fewer permits, smaller chunks. */
  #adapt(): void {
    const adaptive = this.#adaptive;
    if (!adaptive.isReduced && this.#told === undefined) return;
    adaptive.update(this.#time.now());
    this.#account.allow(adaptive.allowed);
    for (const waiter of this.#turns.waiting.bulk) {
      if (waiter.recipients > adaptive.chunkSize)
        this.#end(waiter, new ChunkTooLargeError(adaptive.chunkSize));
    }
    const { estimate } = adaptive;
    const toldRate = this.#told?.permitsPerSecond ?? 0;
    const isOver = this.#told !== undefined && !adaptive.isReduced;
    // Once, and once more when a service that refused everything is known to allow something.
    const isNews =
      toldRate === 0 && estimate !== undefined && estimate.permitsPerSecond !== this.#told?.permitsPerSecond;
    if (!isNews && !isOver) return;
    this.#told = estimate;
    this.#onThrottling?.(estimate);
  }

  /**
   * @param full rooms that have been found to have no permits, and for how long
   * @returns how long to wait, if no one can go
   */
  #letNextGo(full: Map<string, number>): number {
    let delayMs = this.#keptFromBulkMs() || Infinity;
    for (const waiter of this.#turns.inOrder(delayMs < Infinity)) {
      const { permits, roomId } = waiter;
      const roomMs = roomId === undefined ? 0 : (full.get(roomId) ?? this.#rooms.delayMs(roomId, permits));
      if (roomId !== undefined && roomMs > 0) {
        full.set(roomId, roomMs);
        delayMs = Math.min(delayMs, roomMs);
        continue;
      }
      // It is this one's turn: who came later, or has spent more, does not overtake it.
      const taken = this.#take(waiter);
      if (typeof taken === 'number') return Math.min(delayMs, taken);
      this.#grant(waiter, taken);
      return 0;
    }
    return delayMs;
  }

  /** How long until there are others for a fan-out than those that are kept for single sends, if there are those. */
  #keptFromBulkMs(): number {
    const { share, forMs } = KEPT_FOR_SINGLES;
    const [first] = this.#turns.waiting.bulk;
    const kept = Math.floor(this.#adaptive.allowed * share);
    const isKept = kept > 0 && this.#time.now() - this.#lastSingleAt < forMs;
    if (!isKept || first === undefined || this.#account.delayMs(first.permits) > 0) return 0;
    return this.#account.delayMs(first.permits, kept);
  }

  /** All that a request takes, or none and how long to wait. */
  #take(waiter: Waiter): Permit[] | number {
    const { permits, priority, roomId } = waiter;
    const now = this.#time.now();
    const pauseMs = this.#adaptive.pauseMs(now);
    if (pauseMs > 0) return pauseMs;
    if (this.#account.requestsInFlight >= this.#adaptive.maxInFlight) return Infinity;
    const delayMs = this.#account.delayMs(permits);
    if (delayMs > 0) return delayMs;
    const shared = this.#shared?.take(Math.min(permits, this.#limit), {
      priority,
      waiting: this.#turns.size,
      creditMs: this.#account.creditMs,
    });
    if (shared !== undefined && 'delayMs' in shared) {
      if (shared.unavailable === undefined) return shared.delayMs;
      this.#refuseAll(shared.unavailable, shared.delayMs);
      return Infinity;
    }
    return [
      this.#account.take(permits),
      ...(roomId === undefined ? [] : this.#rooms.take(roomId, permits)),
      ...(shared ? [shared] : []),
    ];
  }

  #grant(waiter: Waiter, permits: readonly Permit[]): void {
    const now = this.#time.now();
    this.#turns.spend(waiter);
    this.#granted.add('request', now);
    this.#granted.add('permit', now, waiter.permits);
    const isAlone = now - this.#lastTakenAt >= SECOND_MS;
    this.#lastTakenAt = now;
    const { permits: cost, recipients } = waiter;
    const sent: SentRequest = { takenAt: now, permits: cost, recipients, isAlone };
    const { requestsInFlight } = this.#account;
    let isOut = true;
    this.#end(waiter, {
      isValid: () => permits.every((permit) => permit.isValid?.() ?? true),
      giveBack: (end) => {
        if (!isOut) return;
        isOut = false;
        this.#giveBack(sent, requestsInFlight, permits, end);
      },
    });
  }

  #giveBack(sent: SentRequest, inFlight: number, permits: readonly Permit[], end: RequestEnd): void {
    const now = this.#time.now();
    const use = end === 'unused' || end === 'unanswered' ? end : 'answered';
    for (const permit of permits) permit.giveBack(use);
    if (use === 'answered') this.#concurrency.record(now - sent.takenAt, inFlight, now);
    if (end === 'answered') this.#adaptive.answered();
    else if (end === 'accepted') this.#adaptive.accepted(sent, now);
    else if (typeof end === 'object') this.#adaptive.refused(sent, end.throttledMs, now);
    this.#pump();
  }

  #end(waiter: Waiter, end: RequestPermit | RtcQuotaError): void {
    this.#turns.delete(waiter);
    waiter.end = end;
    waiter.onEnd?.(end);
  }

  #refuseAll(reason: string, retryAfterMs: number): void {
    for (const waiter of this.#turns.inOrder()) {
      this.#end(waiter, new RtcQuotaError(`${reason}. Nothing was sent.`, { retryAfterMs }));
    }
  }
}
