import { LocalQuota } from './local-quota.js';
import { QuotaGate } from './quota-gate.js';

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
}

/**
 * The gates of this process. They hang on the process rather than on this file, of which an ES module copy and
 * a CommonJS copy may be loaded.
 */
const GATES = Symbol.for('nestjs-rtc-messaging:quota-gates');

function gates(): Map<string, SharedGate> {
  const process_ = globalThis as { [GATES]?: Map<string, SharedGate> };
  return (process_[GATES] ??= new Map());
}

/** What one module has of the gates: one for each access key that it signs with, which is one at a time. */
export class GateLease {
  #key: string | undefined;
  #gate: QuotaGate | undefined;

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
    if (this.#gate === undefined || key !== this.#key) {
      this.release();
      const shared = gates().get(key) ?? open(limit, maxQueue);
      shared.limits.set(this, limit);
      shared.quota.limit = Math.min(...shared.limits.values());
      gates().set(key, shared);
      this.#key = key;
      this.#gate = shared.gate;
    }
    return this.#gate;
  }

  /** Lets go of the gate; the last to do so takes it out of the process. */
  release(): void {
    const shared = this.#key === undefined ? undefined : gates().get(this.#key);
    if (this.#key === undefined || shared === undefined) return;
    shared.limits.delete(this);
    if (shared.limits.size === 0) gates().delete(this.#key);
    else shared.quota.limit = Math.min(...shared.limits.values());
    this.#key = undefined;
    this.#gate = undefined;
  }
}

function open(limit: number, maxQueue: number): SharedGate {
  const quota = new LocalQuota(limit);
  return { gate: new QuotaGate(quota, maxQueue), quota, limits: new Map() };
}
