import { LocalQuota } from './local-quota.js';
import { QuotaGate } from './quota-gate.js';
import type { QuotaUsage } from './quota-usage.js';
import type { AdjustableQuota, QuotaStatusChange, QuotaStore } from './quota-store.js';

/** How a module wants its requests to be held to the quota. */
export interface QuotaSettings {
  /** The service's limit: requests in any second. */
  readonly requestsPerSecond: number;
  /** Of these, how many are left to other programs. */
  readonly reserve: number;
  /** How many single sends may wait for a slot. */
  readonly maxQueue: number;
  /** Whether each app has the limit, or each access key for all of its apps. */
  readonly scope: 'accessKey' | 'app';
}

interface SharedGate {
  readonly gate: QuotaGate;
  readonly quota: AdjustableQuota;
  /** What each user of it wants to be held to: the smallest holds for all. */
  readonly limits: Map<GateLease, number>;
  /** Its last user has left. */
  forgetRefusals?(): void;
  close?(): void;
  /** Monotonic milliseconds; of a gate without users. */
  unusedSince: number;
}

type Gates = Map<string, SharedGate>;

/** Where a quota is kept that other processes share, and who is told how it is. */
export interface SharedQuota {
  readonly store: QuotaStore;
  readonly onStatus: (change: QuotaStatusChange) => void;
}

/** Longer than the service looks back. */
const KEEP_UNUSED_MS = 5_000;

/**
 * The gates of this process. They hang on the process rather than on this file, of which an ES module copy and
 * a CommonJS copy may be loaded.
 */
const GATES = Symbol.for('nestjs-rtc-messaging:quota-gates');
const STORED_GATES = Symbol.for('nestjs-rtc-messaging:stored-quota-gates');

function localGates(): Gates {
  const process_ = globalThis as { [GATES]?: Gates };
  return (process_[GATES] ??= new Map());
}

function gatesOf(store: QuotaStore | undefined): Gates {
  if (store === undefined) return localGates();
  const process_ = globalThis as { [STORED_GATES]?: WeakMap<QuotaStore, Gates> };
  const stores = (process_[STORED_GATES] ??= new WeakMap());
  const gates = stores.get(store) ?? new Map<string, SharedGate>();
  stores.set(store, gates);
  return gates;
}

/** What one module has of the gates: that of the access key which it signs with at the time. */
export class GateLease {
  #key: string | undefined;
  #shared: SharedGate | undefined;
  readonly #quota: SharedQuota | undefined;
  readonly #gates: Gates;

  constructor(
    private readonly settings: QuotaSettings,
    /** An origin: the same key at another endpoint is another account. */
    private readonly endpoint: string,
    private readonly appId: string,
    quota?: SharedQuota,
  ) {
    this.#quota = quota;
    this.#gates = gatesOf(quota?.store);
  }

  /** The gate of an access key, shared with all modules of this process that use it with the same limits. */
  gateFor(accessKeyId: string): QuotaGate {
    const { requestsPerSecond, reserve, scope } = this.settings;
    const limit = requestsPerSecond - reserve;
    const app = scope === 'app' ? this.appId : '';
    const key = JSON.stringify([this.endpoint, this.#quota?.store.account ?? accessKeyId, app]);
    if (this.#shared === undefined || key !== this.#key) {
      forgetUnused();
      // A key that comes after another of the same module's is of the same account, and so has the same quota.
      const shared = this.#gates.get(key) ?? this.#shared ?? this.#open(key, limit);
      if (shared !== this.#shared) this.release();
      this.#gates.set(key, shared);
      shared.limits.set(this, limit);
      shared.quota.limit = Math.min(...shared.limits.values());
      this.#key = key;
      this.#shared = shared;
    }
    return this.#shared.gate;
  }

  /** Of the gate that is shared, or of none: before the first call, it is not known which one it will be. */
  get usage(): QuotaUsage {
    const { requestsPerSecond, reserve, maxQueue } = this.settings;
    const unused = { queued: 0, maxQueue, waitMs: 0, queuedBulk: 0, requestsPerSecond: 0 };
    return {
      ...(this.#shared?.gate.usage ?? unused),
      limit: Math.min(requestsPerSecond - reserve, ...(this.#shared?.limits.values() ?? [])),
    };
  }

  /** Lets go of the gate. */
  release(): void {
    const shared = this.#shared;
    if (shared === undefined) return;
    shared.limits.delete(this);
    shared.unusedSince = performance.now();
    if (shared.limits.size > 0) {
      shared.quota.limit = Math.min(...shared.limits.values());
    } else {
      shared.forgetRefusals?.();
      // What is kept in a store need not be kept here.
      if (shared.close !== undefined) this.#forget(shared);
    }
    this.#key = undefined;
    this.#shared = undefined;
  }

  #open(key: string, limit: number): SharedGate {
    const { maxQueue } = this.settings;
    const limits = new Map<GateLease, number>();
    if (this.#quota === undefined) {
      const quota = new LocalQuota(limit);
      const forgetRefusals = (): void => quota.forgetRefusals();
      return { gate: new QuotaGate(quota, maxQueue), quota, limits, forgetRefusals, unusedSince: 0 };
    }
    // Told by one of those who use it: it is one event, however many they are.
    const onStatus = (change: QuotaStatusChange): void => {
      for (const lease of limits.keys()) {
        lease.#tell(change);
        break;
      }
    };
    const quota = this.#quota.store.open({ name: key, limit, onStatus });
    return {
      gate: new QuotaGate(quota, maxQueue),
      quota,
      limits,
      close: () => quota.close(),
      unusedSince: 0,
    };
  }

  #tell(change: QuotaStatusChange): void {
    this.#quota?.onStatus(change);
  }

  #forget(shared: SharedGate): void {
    shared.close?.();
    for (const [key, gate] of this.#gates) if (gate === shared) this.#gates.delete(key);
  }
}

/** What was sent a moment ago still counts, whoever sends next. */
function forgetUnused(): void {
  const now = performance.now();
  const gates = localGates();
  for (const [key, { limits, unusedSince }] of gates) {
    if (limits.size === 0 && now - unusedSince > KEEP_UNUSED_MS) gates.delete(key);
  }
}
