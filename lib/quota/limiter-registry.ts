import type { QuotaStatusChange, QuotaStore } from './quota-store.js';
import type { QuotaUsage } from './quota-usage.js';
import { RateLimiter, type ThrottlingEstimate } from './rate-limiter.js';

/** How a module wants its requests to be held to the quota. */
export interface QuotaSettings {
  /** The service's limit: permits in any second. */
  readonly requestsPerSecond: number;
  /** What takes a permit: each request, or each recipient of a request. */
  readonly costPer: 'request' | 'recipient';
  /** The service's limit in each room; undefined: none. */
  readonly roomMessagesPerSecond: number | undefined;
  /** Of the limit, how much is left to other programs. */
  readonly reserve: number;
  /** How many single sends may wait for a permit. */
  readonly maxQueue: number;
  /** Whether each app has the limit, or each access key for all of its apps. */
  readonly scope: 'accessKey' | 'app';
  /** Whether permits may be used early, by a part of what the way takes at least. */
  readonly credit: boolean;
}

interface SharedLimiter {
  readonly limiter: RateLimiter;
  /** What each user of it wants to be held to: the smallest holds for all. */
  readonly users: Map<LimiterHandle, QuotaSettings>;
  /** Whether its permits are kept in a store, so that they need not be kept here when its last user has left. */
  readonly isStored: boolean;
  /** Monotonic milliseconds; of a limiter without users. */
  unusedSince: number;
}

type Limiters = Map<string, SharedLimiter>;

/** What a module is told of its limiter, and where permits are that processes share. */
export interface LimiterSurroundings {
  readonly store?: QuotaStore | undefined;
  readonly onStatus?: (change: QuotaStatusChange) => void;
  readonly onThrottling?: (estimate: ThrottlingEstimate | undefined) => void;
}

/** So long permits without an answer are remembered that no one uses any more. */
const KEEP_UNUSED_MS = 660_000;

/**
 * The limiters of this process. They hang on the process rather than on this file, of which an ES module copy and
 * a CommonJS copy may be loaded.
 */
const LIMITERS = Symbol.for('nestjs-rtc-messaging:rate-limiters');
const STORED_LIMITERS = Symbol.for('nestjs-rtc-messaging:stored-rate-limiters');

function localLimiters(): Limiters {
  const process_ = globalThis as { [LIMITERS]?: Limiters };
  return (process_[LIMITERS] ??= new Map());
}

function limitersOf(store: QuotaStore | undefined): Limiters {
  if (store === undefined) return localLimiters();
  const process_ = globalThis as { [STORED_LIMITERS]?: WeakMap<QuotaStore, Limiters> };
  const stores = (process_[STORED_LIMITERS] ??= new WeakMap());
  const limiters = stores.get(store) ?? new Map<string, SharedLimiter>();
  stores.set(store, limiters);
  return limiters;
}

/** A module's handle on its shared limiter: that of the access key which it signs with at the time. */
export class LimiterHandle {
  #key: string | undefined;
  #shared: SharedLimiter | undefined;
  readonly #surroundings: LimiterSurroundings;
  readonly #limiters: Limiters;

  constructor(
    private readonly settings: QuotaSettings,
    /** An origin: the same key at another endpoint is another account. */
    private readonly endpoint: string,
    private readonly appId: string,
    surroundings: LimiterSurroundings = {},
  ) {
    this.#surroundings = surroundings;
    this.#limiters = limitersOf(surroundings.store);
  }

  /** The limiter of an access key, shared with all modules of this process that use it. */
  limiterFor(accessKeyId: string): RateLimiter {
    const app = this.settings.scope === 'app' ? this.appId : '';
    const account = this.#surroundings.store?.account ?? accessKeyId;
    const key = JSON.stringify([this.endpoint, account, app]);
    if (this.#shared === undefined || key !== this.#key) {
      forgetUnused();
      // A key that comes after another of the same module's is of the same account, and so has the same quota.
      const shared = this.#limiters.get(key) ?? this.#shared ?? this.#open(key);
      if (shared !== this.#shared) this.release();
      this.#limiters.set(key, shared);
      shared.users.set(this, this.settings);
      configure(shared);
      this.#key = key;
      this.#shared = shared;
    }
    return this.#shared.limiter;
  }

  /** How many permits a request to so many recipients takes. */
  costOf(recipients: number): number {
    return this.settings.costPer === 'recipient' ? Math.max(1, recipients) : 1;
  }

  /** How many recipients a request should have at most: Infinity unless the service was found to refuse so many. */
  get chunkSize(): number {
    return this.#shared?.limiter.chunkSize ?? Number.POSITIVE_INFINITY;
  }

  /** How many requests a fan-out is to have in flight; undefined before the first. */
  get concurrency(): number | undefined {
    return this.#shared?.limiter.concurrency;
  }

  /** Of the limiter that is shared, or of none: before the first call, it is not known which one it will be. */
  get usage(): QuotaUsage {
    const { maxQueue, costPer, roomMessagesPerSecond } = this.settings;
    const { limit } = strictest([this.settings, ...(this.#shared?.users.values() ?? [])]);
    const unused = {
      queued: 0,
      maxQueue,
      waitMs: 0,
      queuedBulk: 0,
      requestsPerSecond: 0,
      permitsPerSecond: 0,
      allowed: limit,
    };
    return {
      ...(this.#shared?.limiter.usage ?? unused),
      limit,
      costPer,
      ...(roomMessagesPerSecond !== undefined && { roomMessagesPerSecond }),
    };
  }

  /** Lets go of the limiter. */
  release(): void {
    const shared = this.#shared;
    if (shared === undefined) return;
    shared.users.delete(this);
    shared.unusedSince = performance.now();
    if (shared.users.size > 0) configure(shared);
    else {
      shared.limiter.forgetRefusals();
      if (shared.isStored) this.#forget(shared);
    }
    this.#key = undefined;
    this.#shared = undefined;
  }

  #open(name: string): SharedLimiter {
    const users = new Map<LimiterHandle, QuotaSettings>([[this, this.settings]]);
    const { store } = this.#surroundings;
    const { limit, credit, roomLimit } = strictest(users.values());
    // Told by one of those who use it: it is one event, however many they are.
    const tell = (event: (surroundings: LimiterSurroundings) => void): void => {
      const [user] = users.keys();
      if (user !== undefined) event(user.#surroundings);
    };
    const limiter = new RateLimiter({
      limit,
      maxQueue: this.settings.maxQueue,
      credit,
      roomLimit,
      onThrottling: (estimate) => tell(({ onThrottling }) => onThrottling?.(estimate)),
      openShared:
        store &&
        ((onChange) =>
          store.open({
            name,
            limit,
            credit,
            onChange,
            onStatus: (change) => tell(({ onStatus }) => onStatus?.(change)),
          })),
    });
    return { limiter, users, isStored: store !== undefined, unusedSince: 0 };
  }

  #forget(shared: SharedLimiter): void {
    shared.limiter.close();
    for (const [key, limiter] of this.#limiters) if (limiter === shared) this.#limiters.delete(key);
  }
}

/** What holds for all who use a limiter: the smallest limits, and credit if all allow it. */
function strictest(users: Iterable<QuotaSettings>): {
  limit: number;
  roomLimit: number | undefined;
  credit: boolean;
} {
  const all = [...users];
  const roomLimits = all.map(
    ({ roomMessagesPerSecond }) => roomMessagesPerSecond ?? Number.POSITIVE_INFINITY,
  );
  const roomLimit = Math.min(...roomLimits);
  return {
    limit: Math.min(...all.map(({ requestsPerSecond, reserve }) => requestsPerSecond - reserve)),
    roomLimit: roomLimit === Number.POSITIVE_INFINITY ? undefined : roomLimit,
    credit: all.every(({ credit }) => credit),
  };
}

function configure({ limiter, users }: SharedLimiter): void {
  const { limit, roomLimit, credit } = strictest(users.values());
  limiter.configure(limit, roomLimit, credit);
}

/** What was sent a moment ago still counts, whoever sends next. */
function forgetUnused(): void {
  const now = performance.now();
  const limiters = localLimiters();
  for (const [key, { limiter, users, unusedSince }] of limiters) {
    if (users.size > 0 || !(limiter.isIdle || now - unusedSince > KEEP_UNUSED_MS)) continue;
    limiter.close();
    limiters.delete(key);
  }
}
