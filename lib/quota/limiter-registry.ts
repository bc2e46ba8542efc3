import { LOST_MS } from './permit-pool.js';
import type { QuotaStatusChange, QuotaStore } from './quota-store.js';
import type { QuotaUsage } from './quota-usage.js';
import type { ThrottlingEstimate } from './adaptive-limit.js';
import { type LimiterLimits, RateLimiter } from './rate-limiter.js';

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
  /** Whether the limit is a guess, which gives way to any that was given. */
  readonly isGuess?: boolean;
}

interface SharedLimiter {
  readonly limiter: RateLimiter;
  /** What each user of it wants to be held to: the smallest holds for all. */
  readonly users: Map<LimiterHandle, QuotaSettings>;
  /** Monotonic milliseconds: since when it has no users. */
  unusedSince: number;
}

type Limiters = Map<string, SharedLimiter>;

/** What a module is told of its limiter, and where permits are that processes share. */
export interface LimiterSurroundings {
  readonly store?: QuotaStore | undefined;
  readonly onStatus?: (change: QuotaStatusChange) => void;
  readonly onThrottling?: (estimate: ThrottlingEstimate | undefined) => void;
}

/**
 * The limiters of each store, and of this process as that of those without one. They hang on the process rather than
 * on this file, of which an ES module copy and a CommonJS copy may be loaded.
 */
const LIMITERS = Symbol.for('nestjs-rtc-messaging:rate-limiters');

function limitersOf(owner: QuotaStore | typeof globalThis): Limiters {
  const registry = ((globalThis as { [LIMITERS]?: WeakMap<object, Limiters> })[LIMITERS] ??= new WeakMap());
  const limiters: Limiters = registry.get(owner) ?? new Map();
  registry.set(owner, limiters);
  return limiters;
}

/** A module's handle on its shared limiter: that of the access key which it signs with at the time. */
export class LimiterHandle {
  /** Whose limiter it has. */
  #accessKeyId: string | undefined;
  #shared: SharedLimiter | undefined;
  /** Before the first call, it is not known which one it will be: one that no one uses. */
  readonly #unused: RateLimiter;
  readonly #surroundings: LimiterSurroundings;
  readonly #limiters: Limiters;
  readonly #ofActions = new Map<string, LimiterHandle>();

  constructor(
    private readonly settings: QuotaSettings,
    /** An origin: the same key at another endpoint is another account. */
    private readonly endpoint: string,
    private readonly appId: string,
    surroundings: LimiterSurroundings = {},
    /** The action whose own limit it is; undefined: that of all messaging actions. */
    private readonly action?: string,
  ) {
    this.#surroundings = surroundings;
    this.#limiters = limitersOf(surroundings.store ?? globalThis);
    this.#unused = new RateLimiter({ ...strictest([settings]), maxQueue: settings.maxQueue });
  }

  /** The limiter of an access key, shared with all modules of this process that use it. */
  limiterFor(accessKeyId: string): RateLimiter {
    if (this.#shared === undefined || accessKeyId !== this.#accessKeyId) {
      const app = this.settings.scope === 'app' ? this.appId : '';
      const account = this.#surroundings.store?.account ?? accessKeyId;
      const scope = this.action === undefined ? [] : [this.action];
      const key = JSON.stringify([this.endpoint, account, app, ...scope]);
      this.#forgetUnused();
      // A key that comes after another of the same module's is of the same account, and so has the same quota.
      const shared = this.#limiters.get(key) ?? this.#shared ?? this.#open(key);
      if (shared !== this.#shared) this.release();
      this.#limiters.set(key, shared);
      shared.users.set(this, this.settings);
      configure(shared);
      this.#accessKeyId = accessKeyId;
      this.#shared = shared;
    }
    return this.#shared.limiter;
  }

  /**
   * The handle on another action's limit; of different ones that were given, the least holds. Let go of with this one.
   * @param isGuess whether no one gave it
   */
  forAction(action: string, requestsPerSecond: number, isGuess = false): LimiterHandle {
    const key = `${action} ${requestsPerSecond} ${isGuess}`;
    const { settings, endpoint, appId } = this;
    const own: QuotaSettings = {
      ...settings,
      requestsPerSecond,
      isGuess,
      reserve: 0,
      costPer: 'request',
      roomMessagesPerSecond: undefined,
    };
    const { store } = this.#surroundings;
    const handle = this.#ofActions.get(key) ?? new LimiterHandle(own, endpoint, appId, { store }, action);
    this.#ofActions.set(key, handle);
    return handle;
  }

  /** How many permits a request to so many recipients takes. */
  costOf(recipients: number): number {
    return this.settings.costPer === 'recipient' ? Math.max(1, recipients) : 1;
  }

  /** How many recipients a request should have at most: Infinity unless the service was found to refuse so many. */
  get chunkSize(): number {
    return this.#limiter.chunkSize;
  }

  /** How many requests a fan-out is to have in flight. */
  get concurrency(): number {
    return this.#limiter.concurrency;
  }

  get usage(): QuotaUsage {
    const { costPer, roomMessagesPerSecond } = this.settings;
    const { limit } = strictest([this.settings, ...(this.#shared?.users.values() ?? [])]);
    return {
      ...this.#limiter.usage,
      limit,
      costPer,
      ...(roomMessagesPerSecond !== undefined && { roomMessagesPerSecond }),
    };
  }

  /** Lets go of the limiter. */
  release(): void {
    for (const handle of this.#ofActions.values()) handle.release();
    const shared = this.#shared;
    if (shared === undefined) return;
    shared.users.delete(this);
    shared.unusedSince = performance.now();
    if (shared.users.size > 0) configure(shared);
    else shared.limiter.forgetRefusals();
    this.#accessKeyId = undefined;
    this.#shared = undefined;
    this.#forgetUnused();
  }

  get #limiter(): RateLimiter {
    return this.#shared?.limiter ?? this.#unused;
  }

  #open(name: string): SharedLimiter {
    const users = new Map<LimiterHandle, QuotaSettings>([[this, this.settings]]);
    const { store } = this.#surroundings;
    const limits = strictest(users.values());
    // Told by one of those who use it: it is one event, however many they are.
    const tell = (event: (surroundings: LimiterSurroundings) => void): void => {
      const [user] = users.keys();
      if (user !== undefined) event(user.#surroundings);
    };
    const limiter = new RateLimiter({
      ...limits,
      maxQueue: this.settings.maxQueue,
      onThrottling: (estimate) => tell(({ onThrottling }) => onThrottling?.(estimate)),
      openShared:
        store &&
        ((onChange) =>
          store.open({
            name,
            limit: limits.limit,
            onChange,
            onStatus: (change) => tell(({ onStatus }) => onStatus?.(change)),
          })),
    });
    return { limiter, users, unusedSince: 0 };
  }

  /** What was sent a moment ago still counts, whoever sends next; a store keeps its permits by itself. */
  #forgetUnused(): void {
    for (const [key, shared] of this.#limiters) {
      const { limiter, users, unusedSince } = shared;
      // By then, what is without an answer is taken for lost.
      const isNeeded = !limiter.isIdle && performance.now() - unusedSince <= LOST_MS;
      if (users.size > 0 || (isNeeded && this.#surroundings.store === undefined)) continue;
      this.#limiters.delete(key);
      // Two keys of one account have the same.
      if (![...this.#limiters.values()].includes(shared)) limiter.close();
    }
  }
}

/** What holds for all who use a limiter: the smallest limits, and credit if all allow it. */
function strictest(users: Iterable<QuotaSettings>): Required<LimiterLimits> {
  const everyone = [...users];
  const given = everyone.filter(({ isGuess }) => isGuess !== true);
  const all = given.length > 0 ? given : everyone;
  return {
    limit: Math.min(...all.map(({ requestsPerSecond, reserve }) => requestsPerSecond - reserve)),
    roomLimit: Math.min(...all.map(({ roomMessagesPerSecond }) => roomMessagesPerSecond ?? Infinity)),
    credit: all.every(({ credit }) => credit),
  };
}

function configure({ limiter, users }: SharedLimiter): void {
  limiter.configure(strictest(users.values()));
}
