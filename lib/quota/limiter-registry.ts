import type { QuotaStatusChange, QuotaStore } from './quota-store.js';
import type { QuotaUsage } from './quota-usage.js';
import type { ThrottlingEstimate } from './adaptive-limit.js';
import { type LimiterLimits, RateLimiter } from './rate-limiter.js';

/** A module's quota settings. */
export interface QuotaSettings {
  /** The service's limit: permits in any second. */
  readonly requestsPerSecond: number;
  /** What takes a permit: each request, or each recipient. */
  readonly costPer: 'request' | 'recipient';
  /** The service's limit for each room, in permits a second. Undefined: no limit. */
  readonly roomMessagesPerSecond: number | undefined;
  /** Permits a second that are left to other programs. */
  readonly reserve: number;
  /** Largest number of single sends that may wait for a permit. */
  readonly maxQueue: number;
  /** Whether the limit applies to an access key with all of its apps, or to each app. */
  readonly scope: 'accessKey' | 'app';
  /** Whether permits may be used early, by half of the least round trip. */
  readonly credit: boolean;
  /** Whether the limit is a guess, which gives way to any that was given. */
  readonly isGuess?: boolean;
}

interface SharedLimiter {
  readonly limiter: RateLimiter;
  /** The smallest of their limits apply to all. */
  readonly users: Set<LimiterHandle>;
}

type Limiters = Map<string, SharedLimiter>;

/** A module's store for shared permits, and its callbacks. */
export interface LimiterSurroundings {
  readonly store?: QuotaStore | undefined;
  readonly onStatus?: (change: QuotaStatusChange) => void;
  readonly onThrottling?: (estimate: ThrottlingEstimate | undefined) => void;
}

/**
 * The limiters of each store. Limiters without a store belong to the process. They are kept on the process and not in
 * this file, since an ES module copy and a CommonJS copy of the file may be loaded.
 */
const LIMITERS = Symbol.for('nestjs-rtc-messaging:rate-limiters');

function limitersOf(owner: QuotaStore | typeof globalThis): Limiters {
  const registry = ((globalThis as { [LIMITERS]?: WeakMap<object, Limiters> })[LIMITERS] ??= new WeakMap());
  const limiters: Limiters = registry.get(owner) ?? new Map();
  registry.set(owner, limiters);
  return limiters;
}

/** A module's handle on its shared limiter. The limiter is that of the access key that signs at the time. */
export class LimiterHandle {
  /** Whose limiter it has. */
  #accessKeyId: string | undefined;
  #shared: SharedLimiter | undefined;
  /** Reports the usage before the first call, when the access key is not known yet. No request uses it. */
  readonly #unused: RateLimiter;
  readonly #surroundings: LimiterSurroundings;
  readonly #limiters: Limiters;
  readonly #ofActions = new Map<string, LimiterHandle>();

  constructor(
    readonly settings: QuotaSettings,
    /** An origin. The same key at another endpoint belongs to another account. */
    private readonly endpoint: string,
    private readonly appId: string,
    surroundings: LimiterSurroundings = {},
    /** The action that this limit is for. Undefined: the limit of all messaging actions. */
    private readonly action?: string,
  ) {
    this.#surroundings = surroundings;
    this.#limiters = limitersOf(surroundings.store ?? globalThis);
    this.#unused = new RateLimiter({ ...strictest([this]), maxQueue: settings.maxQueue });
  }

  /** The limiter of an access key, shared with all modules of this process that use it. */
  limiterFor(accessKeyId: string): RateLimiter {
    if (this.#shared === undefined || accessKeyId !== this.#accessKeyId) {
      const app = this.settings.scope === 'app' ? this.appId : '';
      const account = this.#surroundings.store?.account ?? accessKeyId;
      const scope = this.action === undefined ? [] : [this.action];
      const key = JSON.stringify([this.endpoint, account, app, ...scope]);
      this.#forgetUnused();
      // A module's new access key belongs to the same account as its last one, and so to the same quota.
      const shared = this.#limiters.get(key) ?? this.#shared ?? this.#open(key);
      if (shared !== this.#shared) this.release();
      this.#limiters.set(key, shared);
      shared.users.add(this);
      shared.limiter.configure(strictest(shared.users));
      this.#accessKeyId = accessKeyId;
      this.#shared = shared;
    }
    return this.#shared.limiter;
  }

  /**
   * A handle on the limit of another action. If callers give different limits, the smallest applies. It is released
   * with this handle.
   * @param isGuess whether nobody gave the limit
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

  /** Number of permits that a request to this many recipients takes. */
  costOf(recipients: number): number {
    return this.settings.costPer === 'recipient' ? Math.max(1, recipients) : 1;
  }

  /** Largest number of recipients in a request. Infinity unless the service was found to refuse larger requests. */
  get chunkSize(): number {
    return this.#limiter.chunkSize;
  }

  /** The concurrency of a fan-out. */
  get concurrency(): number {
    return this.#limiter.concurrency;
  }

  get usage(): QuotaUsage {
    const { costPer, roomMessagesPerSecond } = this.settings;
    const { limit } = strictest([this, ...(this.#shared?.users ?? [])]);
    return {
      ...this.#limiter.usage,
      limit,
      costPer,
      ...(roomMessagesPerSecond !== undefined && { roomMessagesPerSecond }),
    };
  }

  /** Releases the limiter. */
  release(): void {
    for (const handle of this.#ofActions.values()) handle.release();
    const shared = this.#shared;
    if (shared === undefined) return;
    shared.users.delete(this);
    if (shared.users.size > 0) shared.limiter.configure(strictest(shared.users));
    else shared.limiter.forgetRefusals();
    this.#accessKeyId = undefined;
    this.#shared = undefined;
    this.#forgetUnused();
  }

  get #limiter(): RateLimiter {
    return this.#shared?.limiter ?? this.#unused;
  }

  #open(name: string): SharedLimiter {
    const users = new Set<LimiterHandle>([this]);
    const { store } = this.#surroundings;
    const limits = strictest(users);
    // Only one user emits the event, so that it is emitted once.
    const notifyOneUser = (event: (surroundings: LimiterSurroundings) => void): void => {
      const [user] = users;
      if (user !== undefined) event(user.#surroundings);
    };
    const limiter = new RateLimiter({
      ...limits,
      maxQueue: this.settings.maxQueue,
      onThrottling: (estimate) => notifyOneUser(({ onThrottling }) => onThrottling?.(estimate)),
      openShared:
        store &&
        ((demand, onPermits) =>
          store.open({
            name,
            limit: limits.limit,
            demand,
            onPermits,
            onStatus: (change) => notifyOneUser(({ onStatus }) => onStatus?.(change)),
          })),
    });
    return { limiter, users };
  }

  /**
   * Closes unused limiters. Without a store, a limiter is kept until its permits are free: requests of the last second
   * still count.
   */
  #forgetUnused(): void {
    for (const [key, shared] of this.#limiters) {
      const { limiter, users } = shared;
      if (users.size > 0 || (this.#surroundings.store === undefined && !limiter.isIdle)) continue;
      this.#limiters.delete(key);
      // Two keys of one account share a limiter.
      if (![...this.#limiters.values()].includes(shared)) limiter.close();
    }
  }
}

/** The limits for all users of a limiter: the smallest limits, and credit if all allow it. */
function strictest(users: Iterable<LimiterHandle>): Required<LimiterLimits> {
  const everyone = [...users].map(({ settings }) => settings);
  const given = everyone.filter(({ isGuess }) => isGuess !== true);
  const all = given.length > 0 ? given : everyone;
  return {
    limit: Math.min(...all.map(({ requestsPerSecond, reserve }) => requestsPerSecond - reserve)),
    roomLimit: Math.min(...all.map(({ roomMessagesPerSecond }) => roomMessagesPerSecond ?? Infinity)),
    credit: all.every(({ credit }) => credit),
  };
}
