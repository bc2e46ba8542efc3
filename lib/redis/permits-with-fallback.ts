import { burstOf } from '../quota/permit-pool.js';
import type { Permit } from '../quota/permit.js';
import type { PermitDelay, PermitDemand, PermitSource } from '../quota/quota-store.js';
import { PermitsOut } from './permits-out.js';
import { RECONNECT_EVERY_MS, RedisPermits, type SharedScope } from './redis-permits.js';
import type { ScriptRunner } from './script-runner.js';

/**
 * When Redis becomes unavailable, the requests that other processes have just sent are unknown. After this pause, the
 * service has counted them.
 */
const PAUSE_MS = 1_000;

/** The shared permits. While Redis is unavailable, this process uses its declared share of the limit, or refuses. */
export class PermitsWithFallback implements PermitSource {
  readonly #out = new PermitsOut();
  readonly #shared: RedisPermits;
  /** End of the schedule of the process's own permits. */
  #usedUpAt = 0;

  constructor(
    runner: ScriptRunner,
    private readonly scope: SharedScope,
    private readonly share: number | undefined,
  ) {
    this.#shared = new RedisPermits(runner, this.#out, scope, (failure) => {
      this.#usedUpAt = performance.now() + PAUSE_MS;
      const away = share === undefined ? 'refusing' : 'fallback';
      scope.onStatus(failure === undefined ? { status: 'shared' } : { status: away, failure });
    });
  }

  get limit(): number {
    return this.scope.limit;
  }

  set limit(limit: number) {
    this.scope.limit = limit;
  }

  take(permits: number, demand: PermitDemand): Permit | PermitDelay {
    const { failure } = this.#shared;
    if (failure === undefined) return this.#shared.take(permits, demand);
    if (this.share !== undefined) return this.#takeOwn(permits, Math.max(1, this.limit * this.share));
    return { delayMs: RECONNECT_EVERY_MS, unavailable: `The shared quota is unavailable: ${failure}` };
  }

  close(): void {
    this.#shared.close();
  }

  #takeOwn(permits: number, limit: number): Permit | PermitDelay {
    const now = performance.now();
    const intervalMs = 1_000 / limit;
    const pacedMs = this.#usedUpAt - (burstOf(limit) - 1) * intervalMs - now;
    const delayMs = Math.max(pacedMs, this.#out.quietMs(now), this.#out.delayMs(permits, limit, now));
    if (delayMs > 0) return { delayMs };
    this.#usedUpAt = Math.max(this.#usedUpAt, now) + permits * intervalMs;
    return this.#out.hold(this.#shared.namesOf(permits));
  }
}
