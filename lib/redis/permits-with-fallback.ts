import type { Permit } from '../quota/permit.js';
import { PermitPool } from '../quota/permit-pool.js';
import type { PermitDelay, PermitDemand, PermitSource, QuotaScope } from '../quota/quota-store.js';
import { RedisPermits } from './redis-permits.js';
import type { ScriptRunner } from './script-runner.js';

/** What others have let go by shared permits is not known when Redis is away: after so long, it has been counted. */
const PAUSE_MS = 1_000;
const LOOK_MS = 250;

/** The shared permits; while Redis is away, this process's own for its declared share, or none. */
export class PermitsWithFallback implements PermitSource {
  readonly #shared: RedisPermits;
  /** All that this process has out, so that it is known when Redis is away. */
  readonly #own: PermitPool;
  readonly #share: number | undefined;
  #limit: number;
  #awayAt = 0;
  #isKnown = false;

  constructor(runner: ScriptRunner, scope: Omit<QuotaScope, 'name'>, share: number | undefined) {
    const { limit, credit, onChange, onStatus } = scope;
    this.#limit = limit;
    this.#share = share;
    this.#own = new PermitPool(limit, () => performance.now(), false);
    this.#shared = new RedisPermits(runner, {
      limit,
      credit,
      onChange: () => {
        if (!this.#isKnown && this.#shared.failure === undefined) onStatus({ status: 'shared' });
        this.#isKnown = true;
        onChange();
      },
      onAway: (failure) => {
        this.#isKnown = true;
        this.#awayAt = performance.now();
        this.#setLimits();
        if (failure === undefined) onStatus({ status: 'shared' });
        else onStatus({ status: share === undefined ? 'refusing' : 'fallback', failure });
      },
    });
  }

  get limit(): number {
    return this.#limit;
  }

  set limit(limit: number) {
    this.#limit = limit;
    this.#setLimits();
  }

  take(permits: number, demand: PermitDemand): Permit | PermitDelay {
    const taken =
      this.#shared.failure === undefined ? this.#shared.take(permits, demand) : this.#takeAlone(permits);
    if ('delayMs' in taken) return taken;
    const own = this.#own.take(permits);
    return {
      giveBack: (use) => {
        taken.giveBack(use);
        own.giveBack(use);
      },
    };
  }

  close(): void {
    this.#shared.close();
  }

  #takeAlone(permits: number): Permit | PermitDelay {
    if (this.#share === undefined) {
      return { delayMs: LOOK_MS, unavailable: `The shared quota is unavailable: ${this.#shared.failure}` };
    }
    const pauseMs = this.#awayAt + PAUSE_MS - performance.now();
    const delayMs = Math.max(pauseMs, this.#own.delayMs(permits, true));
    return delayMs > 0 ? { delayMs } : this.#shared.adopt(permits);
  }

  #setLimits(): void {
    this.#shared.limit = this.#limit;
    this.#own.setLimit(this.#limit * (this.#shared.failure === undefined ? 1 : (this.#share ?? 1)));
  }
}
