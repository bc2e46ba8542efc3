import { SlidingCounts } from '../diagnostics/sliding-counts.js';
import { RtcQuotaError } from '../errors/rtc-quota.error.js';
import { AdaptiveLimit, type SentRequest } from './adaptive-limit.js';
import { ChunkTooLargeError } from './chunk-too-large.error.js';
import type { Permit, PermitUse, Priority } from './permit.js';
import { PermitPool } from './permit-pool.js';
import type { PermitSource } from './quota-store.js';
import type { QuotaUsage } from './quota-usage.js';
import { RoomPools } from './room-pools.js';

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

/** What the account seems to allow. */
export interface ThrottlingEstimate {
  /** Permits a second. */
  readonly permitsPerSecond: number;
  /** Recipients in a request, where large ones are refused. */
  readonly chunkSize?: number;
}

export interface LimiterOptions {
  /** Permits in any second. */
  readonly limit: number;
  /** How many single sends may wait; what a fan-out has in flight is bounded by itself. */
  readonly maxQueue: number;
  readonly credit?: boolean;
  readonly roomLimit?: number | undefined;
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
/** How fast the typical round trip is learned. */
const SMOOTHING = 1 / 16;
/** How many requests a fan-out has in flight at least and at most, unless it is told. */
const LEAST_CONCURRENCY = 48;
export const MOST_CONCURRENCY = 256;
/** What is in flight beyond what the round trip takes, for those that take longer. */
const SPARE = { factor: 1.5, requests: 16 } as const;
/** By how much what is in flight grows at a time, as long as the round trip does not grow with it. */
const GROWTH = 2;
/** By so much the round trip is longer than with few in flight when it is measured with few again, and how often. */
const LONGER = 1.33;
const UNLOADED_EVERY_MS = 5_000;

interface Waiter extends PermitRequest {
  /** Undefined until it is clear that there is a wait. */
  resolve?: (permit: RequestPermit) => void;
  reject?: (error: RtcQuotaError) => void;
  permit?: RequestPermit;
  refusal?: RtcQuotaError;
}

/** What is to be done next: let a request go, with its permits, or wait. */
type Turn = { readonly waiter: Waiter; readonly permits: Permit[] } | { readonly delayMs: number };

/**
 * Lets requests go one by one, first come first served within a priority, as there are permits for them. Single sends
 * and fan-outs take turns by the permits that they spend.
 */
export class RateLimiter {
  // Sets keep the order of coming, and let go of whoever cancels.
  readonly #waiting: Readonly<Record<Priority, Set<Waiter>>> = { single: new Set(), bulk: new Set() };
  /** Permits that each has spent, while both were waiting. */
  readonly #spent: Record<Priority, number> = { single: 0, bulk: 0 };
  readonly #account: PermitPool;
  readonly #adaptive: AdaptiveLimit;
  readonly #rooms: RoomPools;
  readonly #shared: PermitSource | undefined;
  readonly #maxQueue: number;
  readonly #time: LimiterTime;
  readonly #onThrottling: LimiterOptions['onThrottling'];
  readonly #granted = new SlidingCounts<'request' | 'permit'>(SECOND_MS);
  #limit: number;
  #lastTakenAt = Number.NEGATIVE_INFINITY;
  #roundTripMs = 0;
  /** Of requests that were let go while few were in flight. */
  #unloadedMs = 0;
  #unloadedAt = 0;
  /** How many were in flight when what has been answered was let go. */
  #inFlight = 0;
  #isTold = false;
  #cancelTimer: (() => void) | undefined;
  #isPumping = false;

  constructor(options: LimiterOptions) {
    const { limit, maxQueue, credit = true, roomLimit, time = REAL_TIME } = options;
    const now = (): number => time.now();
    this.#limit = limit;
    this.#maxQueue = maxQueue;
    this.#time = time;
    this.#onThrottling = options.onThrottling;
    this.#account = new PermitPool(limit, now, credit);
    this.#adaptive = new AdaptiveLimit(limit);
    this.#rooms = new RoomPools(roomLimit, now, credit);
    this.#shared = options.openShared?.(() => this.#pump());
  }

  /** What all who use it want to be held to. */
  configure(limit: number, roomLimit: number | undefined, credit: boolean): void {
    this.#limit = limit;
    this.#account.credit = credit;
    this.#account.setLimit(limit);
    this.#adaptive.setLimit(limit);
    this.#rooms.configure(roomLimit, credit);
    if (this.#shared !== undefined) this.#shared.limit = limit;
    this.#pump();
  }

  /** How many are waiting. */
  get queued(): number {
    return this.#waiting.single.size + this.#waiting.bulk.size;
  }

  /** Whether it knows of nothing that the service may still count. */
  get isIdle(): boolean {
    return this.#account.isIdle;
  }

  /** How many recipients a request should have at most. */
  get chunkSize(): number {
    return this.#adaptive.chunkSize;
  }

  /**
   * How many requests a fan-out is to have in flight: what the round trip asks for, as it is while few are in flight.
   * Where a service is at its own limit, the round trip grows with what is in flight; there, more would only wait.
   */
  get concurrency(): number {
    if (this.#roundTripMs === 0) return LEAST_CONCURRENCY;
    const asked = ((this.#limit * this.#unloadedMs) / SECOND_MS) * SPARE.factor;
    const grown = ((this.#inFlight * this.#unloadedMs) / this.#roundTripMs) * GROWTH;
    // Few for a moment, to see whether the way itself has become longer.
    const isLonger = this.#roundTripMs > this.#unloadedMs * LONGER;
    if (isLonger && this.#time.now() - this.#unloadedAt > UNLOADED_EVERY_MS) return LEAST_CONCURRENCY;
    const inFlight = Math.min(asked, grown) + SPARE.requests;
    return Math.min(MOST_CONCURRENCY, Math.max(LEAST_CONCURRENCY, Math.ceil(inFlight)));
  }

  get usage(): Omit<QuotaUsage, 'limit' | 'costPer' | 'roomMessagesPerSecond'> {
    const { counts, overMs } = this.#granted.read(this.#time.now());
    const perSecond = (kind: 'request' | 'permit'): number =>
      Math.round(((counts.get(kind) ?? 0) * 10_000) / overMs) / 10;
    const { allowed, chunkSize } = this.#adaptive;
    return {
      queued: this.#waiting.single.size,
      maxQueue: this.#maxQueue,
      waitMs: Math.ceil(this.#estimateWaitMs('single', 1)),
      queuedBulk: this.#waiting.bulk.size,
      requestsPerSecond: perSecond('request'),
      permitsPerSecond: perSecond('permit'),
      allowed: Math.round(allowed * 10) / 10,
      ...(chunkSize < Number.POSITIVE_INFINITY && { chunkSize }),
    };
  }

  /**
   * Takes permits, or a place in the queue. Someone of a bulk has all the time that there is.
   * @throws RtcQuotaError when the queue is full, or too long to come through it in time, or the quota unavailable
   */
  enter(request: PermitRequest): RequestPermit | Place {
    const { priority, permits, withinMs } = request;
    const waiting = this.#waiting[priority];
    const waitMs = Math.ceil(this.#estimateWaitMs(priority, permits));
    // Whoever was away has no turns to make up for.
    const other = priority === 'single' ? 'bulk' : 'single';
    if (waiting.size === 0) this.#spent[priority] = Math.max(this.#spent[priority], this.#spent[other]);
    const waiter: Waiter = { ...request };
    waiting.add(waiter);
    this.#pump();
    if (waiter.permit !== undefined) return waiter.permit;
    if (waiter.refusal !== undefined) throw waiter.refusal;

    const problem =
      priority === 'single' && waiting.size > this.#maxQueue
        ? `is full: ${waiting.size - 1} calls are waiting, for about ${waitMs} ms`
        : priority === 'single' && waitMs > withinMs
          ? `is too long: about ${waitMs} ms, where ${Math.floor(withinMs)} ms are left`
          : undefined;
    if (problem !== undefined) {
      waiting.delete(waiter);
      throw new RtcQuotaError(`The quota's queue ${problem}. Nothing was sent.`, { retryAfterMs: waitMs });
    }
    const granted = new Promise<RequestPermit>((resolve, reject) => {
      waiter.resolve = resolve;
      waiter.reject = reject;
    });
    return {
      granted,
      cancel: () => {
        waiting.delete(waiter);
        waiter.permit?.giveBack('unused');
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

  /** Whoever comes now comes after those of its own priority, and takes turns with those of the other. */
  #estimateWaitMs(priority: Priority, permits: number): number {
    const ahead = this.#waiting[priority].size;
    const turns = ahead + Math.min(ahead, this.queued - ahead);
    const { intervalMs } = this.#account;
    // Permits are out for the round trip, too; when one that is under way comes back is not known.
    const outMs = SECOND_MS + this.#roundTripMs;
    const firstMs = Math.min(this.#account.delayMs(permits), outMs);
    const heldMs = Math.max(firstMs, this.#adaptive.pauseMs(this.#time.now()));
    return heldMs + (turns * permits * intervalMs * outMs) / SECOND_MS;
  }

  /** Lets go whoever may, and comes back when someone else will. */
  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      this.#letGo();
    } finally {
      this.#isPumping = false;
    }
  }

  #letGo(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#adapt();
    const full = new Map<string, number>();
    while (this.queued > 0) {
      const turn = this.#nextTurn(full);
      if ('waiter' in turn) {
        this.#grant(turn.waiter, turn.permits);
        continue;
      }
      if (turn.delayMs < Number.POSITIVE_INFINITY) {
        this.#cancelTimer = this.#time.after(turn.delayMs, () => this.#pump());
      }
      break;
    }
  }

  /** Follows what the service refuses: fewer permits, smaller chunks. */
  #adapt(): void {
    const adaptive = this.#adaptive;
    const { isReduced } = adaptive;
    if (!isReduced && !this.#isTold) return;
    adaptive.update(this.#time.now());
    this.#account.allow(adaptive.allowed);
    for (const waiter of this.#waiting.bulk) {
      if (waiter.recipients > adaptive.chunkSize)
        this.#refuse(waiter, new ChunkTooLargeError(adaptive.chunkSize));
    }
    if (adaptive.isCertain && !this.#isTold) {
      const { allowed, chunkSize } = adaptive;
      this.#isTold = true;
      this.#onThrottling?.({
        permitsPerSecond: Math.round(allowed * 10) / 10,
        ...(chunkSize < Number.POSITIVE_INFINITY && { chunkSize }),
      });
    } else if (!adaptive.isReduced && this.#isTold) {
      this.#isTold = false;
      this.#onThrottling?.(undefined);
    }
  }

  /** @param full rooms that have been found to have no permits, and for how long */
  #nextTurn(full: Map<string, number>): Turn {
    const first: Priority = this.#spent.single <= this.#spent.bulk ? 'single' : 'bulk';
    let delayMs = Number.POSITIVE_INFINITY;
    for (const priority of [first, first === 'single' ? 'bulk' : 'single'] as const) {
      for (const waiter of this.#waiting[priority]) {
        const roomMs = this.#rooms.delayMs(waiter.roomId, waiter.permits, full);
        if (roomMs > 0) {
          delayMs = Math.min(delayMs, roomMs);
          continue;
        }
        // It is this one's turn: who came later, or has spent more, does not overtake it.
        const permits = this.#take(waiter);
        if (typeof permits === 'number') return { delayMs: Math.min(delayMs, permits) };
        // Those whose rooms are full have no turns to make up for either.
        this.#spent[first] = Math.max(this.#spent[first], this.#spent[priority]);
        return { waiter, permits };
      }
    }
    return { delayMs };
  }

  /** All that a request takes, or none and how long to wait. */
  #take(waiter: Waiter): Permit[] | number {
    const { permits, priority, roomId } = waiter;
    const now = this.#time.now();
    const pauseMs = this.#adaptive.pauseMs(now);
    if (pauseMs > 0) return pauseMs;
    if (this.#account.requestsInFlight >= this.#adaptive.maxInFlight) return Number.POSITIVE_INFINITY;
    const delayMs = this.#account.delayMs(permits, true);
    if (delayMs > 0) return delayMs;
    const shared = this.#shared?.take(Math.min(permits, this.#limit), { priority, waiting: this.queued });
    if (shared !== undefined && 'delayMs' in shared) {
      if (shared.unavailable === undefined) return shared.delayMs;
      this.#refuseAll(shared.unavailable, shared.delayMs);
      return Number.POSITIVE_INFINITY;
    }
    return [this.#account.take(permits), ...this.#rooms.take(roomId, permits), ...(shared ? [shared] : [])];
  }

  #grant(waiter: Waiter, permits: readonly Permit[]): void {
    const now = this.#time.now();
    const { priority, recipients } = waiter;
    this.#waiting[priority].delete(waiter);
    this.#spent[priority] += waiter.permits;
    this.#granted.add('request', now);
    this.#granted.add('permit', now, waiter.permits);
    const isAlone = now - this.#lastTakenAt >= SECOND_MS;
    this.#lastTakenAt = now;
    const sent: SentRequest = { takenAt: now, permits: waiter.permits, recipients, isAlone };
    const { requestsInFlight } = this.#account;
    let isOut = true;
    waiter.permit = {
      giveBack: (end) => {
        if (!isOut) return;
        isOut = false;
        this.#giveBack(sent, requestsInFlight, permits, end);
      },
    };
    waiter.resolve?.(waiter.permit);
  }

  #giveBack(sent: SentRequest, inFlight: number, permits: readonly Permit[], end: RequestEnd): void {
    const now = this.#time.now();
    const use = end === 'unused' || end === 'unanswered' ? end : 'answered';
    for (const permit of permits) permit.giveBack(use);
    if (use === 'answered') {
      this.#roundTripMs += (now - sent.takenAt - this.#roundTripMs) * SMOOTHING;
      this.#inFlight += (inFlight - this.#inFlight) * SMOOTHING;
      if (inFlight <= LEAST_CONCURRENCY) {
        this.#unloadedMs += (now - sent.takenAt - this.#unloadedMs) * SMOOTHING;
        this.#unloadedAt = now;
      }
    }
    if (end === 'accepted') this.#adaptive.accepted(sent, now);
    else if (typeof end === 'object') this.#adaptive.refused(sent, end.throttledMs, now);
    this.#pump();
  }

  #refuse(waiter: Waiter, error: RtcQuotaError): void {
    this.#waiting[waiter.priority].delete(waiter);
    if (waiter.reject === undefined) waiter.refusal = error;
    else waiter.reject(error);
  }

  #refuseAll(reason: string, retryAfterMs: number): void {
    for (const waiting of Object.values(this.#waiting)) {
      for (const waiter of waiting) {
        this.#refuse(waiter, new RtcQuotaError(`${reason}. Nothing was sent.`, { retryAfterMs }));
      }
    }
  }
}
