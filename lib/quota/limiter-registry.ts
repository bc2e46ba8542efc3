import type { QuotaStore } from './quota-store.js';
import type { QuotaUsage } from './quota-usage.js';
import { type LimiterLimits, type LimiterOptions, RateLimiter } from './rate-limiter.js';

/** A module's quota settings. */
export interface QuotaSettings {
  /** The service's limit: permits in any second. Infinity: nobody knows that of an action. */
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
}

interface SharedLimiter {
  readonly limiter: RateLimiter;
  /** The smallest of their limits apply to all. */
  readonly users: Set<LimiterHandle>;
}

/** Requests a second of an action whose limit nobody gave: the smallest in the vendor's pages. */
const DEFAULT_ACTION_LIMIT = 10;

type Limiters = Map<string, SharedLimiter>;

/** A module's store for shared permits, and its callbacks. */
export interface LimiterSurroundings extends Pick<LimiterOptions, 'onStatus' | 'onThrottling'> {
  readonly store?: QuotaStore | undefined;
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

  /**
   * @param endpoint an origin. The same key at another endpoint belongs to another account.
   * @param action the action that this limit is for. None: the limit of all messaging actions.
   */
  constructor(
    readonly settings: QuotaSettings,
    private readonly endpoint: string,
    private readonly appId: string,
    surroundings: LimiterSurroundings = {},
    private readonly action: readonly string[] = [],
  ) {
    this.#surroundings = surroundings;
    this.#limiters = limitersOf(surroundings.store ?? globalThis);
    this.#unused = new RateLimiter({ ...strictest([this]), maxQueue: settings.maxQueue });
  }

  /** The limiter of an access key, shared with all modules of this process that use it. */
  limiterFor(accessKeyId: string): RateLimiter {
    if (this.#shared !== undefined && accessKeyId === this.#accessKeyId) return this.#shared.limiter;
    const account = this.#surroundings.store?.account ?? accessKeyId;
    const app = this.settings.scope === 'app' ? this.appId : '';
    const name = JSON.stringify([this.endpoint, account, app, ...this.action]);
    this.#forgetUnused();
    // A module's new access key belongs to the same account as its last one, and so to the same quota.
    const shared = this.#limiters.get(name) ?? this.#shared ?? this.#open(name);
    if (shared !== this.#shared) this.release();
    this.#limiters.set(name, shared);
    shared.users.add(this);
    shared.limiter.configure(strictest(shared.users));
    this.#accessKeyId = accessKeyId;
    this.#shared = shared;
    return shared.limiter;
  }

  /**
   * A handle on the limit of another action. If callers give different limits, the smallest applies. It is released
   * with this handle.
   * @param requestsPerSecond Infinity if the caller does not know it
   */
  forAction(action: string, requestsPerSecond: number): LimiterHandle {
    const key = `${action} ${requestsPerSecond}`;
    const { settings, endpoint, appId } = this;
    const { store } = this.#surroundings;
    const own = { ...settings, requestsPerSecond, reserve: 0 };
    const handle = this.#ofActions.get(key) ?? new LimiterHandle(own, endpoint, appId, { store }, [action]);
    this.#ofActions.set(key, handle);
    return handle;
  }

  /** Number of permits that a request to this many recipients takes. */
  costOf(recipients: number): number {
    return this.settings.costPer === 'recipient' ? Math.max(1, recipients) : 1;
  }

  /** The limiter of the last call. */
  get limiter(): RateLimiter {
    return this.#shared?.limiter ?? this.#unused;
  }

  get usage(): QuotaUsage {
    const { costPer, roomMessagesPerSecond } = this.settings;
    const room = roomMessagesPerSecond !== undefined && { roomMessagesPerSecond };
    return { ...this.limiter.usage, costPer, ...room };
  }

  /** Releases the limiter. */
  release(): void {
    for (const handle of this.#ofActions.values()) handle.release();
    const shared = this.#shared;
    if (shared === undefined) return;
    shared.users.delete(this);
    if (shared.users.size > 0) shared.limiter.configure(strictest(shared.users));
    else shared.limiter.forgetRefusals();
    this.#shared = undefined;
    this.#forgetUnused();
  }

  #open(name: string): SharedLimiter {
    const users = new Set<LimiterHandle>([this]);
    const { store } = this.#surroundings;
    // Only one user emits an event, so that it is emitted once.
    const oneUser = () => [...users].map((user) => user.#surroundings)[0];
    const limiter = new RateLimiter({
      ...strictest(users),
      maxQueue: this.settings.maxQueue,
      onThrottling: (estimate) => oneUser()?.onThrottling?.(estimate),
      onStatus: (change) => oneUser()?.onStatus?.(change),
      openShared: store && ((scope) => store.open({ name, ...scope })),
    });
    return { limiter, users };
  }

  /**
   * Closes unused limiters. Without a store, a limiter is kept until its permits are free: requests of the last second
   * still count.
   */
  #forgetUnused(): void {
    for (const [name, { limiter, users }] of this.#limiters) {
      // Requests may wait in it whose module now has the limiter of another access key.
      if (users.size > 0 || !limiter.isIdle) continue;
      this.#limiters.delete(name);
      limiter.close();
    }
  }
}

/** The limits for all users of a limiter: the smallest limits, and credit if all allow it. */
function strictest(users: Iterable<LimiterHandle>): Required<LimiterLimits> {
  const all = [...users].map(({ settings }) => settings);
  const limit = Math.min(...all.map(({ requestsPerSecond, reserve }) => requestsPerSecond - reserve));
  return {
    limit: limit === Infinity ? DEFAULT_ACTION_LIMIT : limit,
    roomLimit: Math.min(...all.map(({ roomMessagesPerSecond }) => roomMessagesPerSecond ?? Infinity)),
    credit: all.every(({ credit }) => credit),
  };
}
