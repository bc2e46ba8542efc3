import { LocalQuota } from './local-quota.js';
import { QuotaGate } from './quota-gate.js';
import type { QuotaUsage } from './quota-usage.js';

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
  readonly quota: LocalQuota;
  /** What each user of it wants to be held to: the smallest holds for all. */
  readonly limits: Map<GateLease, number>;
  /** Monotonic milliseconds; of a gate without users. */
  unusedSince: number;
}

/** Longer than the service looks back. */
const KEEP_UNUSED_MS = 5_000;

/**
 * The gates of this process. They hang on the process rather than on this file, of which an ES module copy and
 * a CommonJS copy may be loaded.
 */
const GATES = Symbol.for('nestjs-rtc-messaging:quota-gates');

function gates(): Map<string, SharedGate> {
  const process_ = globalThis as { [GATES]?: Map<string, SharedGate> };
  return (process_[GATES] ??= new Map());
}

/** What one module has of the gates: that of the access key which it signs with at the time. */
export class GateLease {
  #key: string | undefined;
  #shared: SharedGate | undefined;

  constructor(
    private readonly settings: QuotaSettings,
    /** An origin: the same key at another endpoint is another account. */
    private readonly endpoint: string,
    private readonly appId: string,
  ) {}

  /** The gate of an access key, shared with all modules of this process that use it with the same limits. */
  gateFor(accessKeyId: string): QuotaGate {
    const { requestsPerSecond, reserve, maxQueue, scope } = this.settings;
    const limit = requestsPerSecond - reserve;
    const app = scope === 'app' ? this.appId : '';
    const key = JSON.stringify([this.endpoint, accessKeyId, app]);
    if (this.#shared === undefined || key !== this.#key) {
      forgetUnused();
      // A key that comes after another of the same module's is of the same account, and so has the same quota.
      const shared = gates().get(key) ?? this.#shared ?? open(limit, maxQueue);
      if (shared !== this.#shared) this.release();
      gates().set(key, shared);
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
    if (shared.limits.size === 0) shared.quota.forgetRefusals();
    else shared.quota.limit = Math.min(...shared.limits.values());
    this.#key = undefined;
    this.#shared = undefined;
  }
}

/** What was sent a moment ago still counts, whoever sends next. */
function forgetUnused(): void {
  const now = performance.now();
  for (const [key, { limits, unusedSince }] of gates()) {
    if (limits.size === 0 && now - unusedSince > KEEP_UNUSED_MS) gates().delete(key);
  }
}

function open(limit: number, maxQueue: number): SharedGate {
  const quota = new LocalQuota(limit);
  return { gate: new QuotaGate(quota, maxQueue), quota, limits: new Map(), unusedSince: 0 };
}
