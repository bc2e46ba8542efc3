import { Gcra } from './gcra.js';
import { JitterEstimate } from './jitter-estimate.js';
import { paceFor } from './paced-rate.js';
import type { Quota, Reservation } from './quota.js';

/** Timers are no more exact than this; the jitter that is allowed for is many times more. */
const EARLY_MS = 0.5;
/** A refusal holds the schedule up for this long at least, and slows it down by this factor, … */
const PAUSE_MS = 100;
const CUT = 0.9;
const SLOWEST = 0.1;
/** … once for all that come together; then the pace recovers by this share of itself a second. */
const CUT_EVERY_MS = 250;
const RECOVERY_PER_SECOND = 0.02;

/** The schedule of one process. */
export class LocalQuota implements Quota {
  readonly batchSize = 1;
  readonly #gcra: Gcra;
  #limit: number;
  readonly #jitter = new JitterEstimate();
  /** The share of the pace that is left after the last refusal. */
  #share = 1;
  #cutAt = Number.NEGATIVE_INFINITY;

  /**
   * @param limit requests that the server may see in any second
   * @param now monotonic milliseconds
   */
  constructor(
    limit: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    const { intervalMs, burst } = paceFor(limit, this.#jitter.jitterMs);
    this.#gcra = new Gcra(intervalMs, burst);
    this.#limit = limit;
  }

  /** Takes effect with the next slot. */
  set limit(limit: number) {
    this.#limit = limit;
    this.#repace(this.now());
  }

  get intervalMs(): number {
    return this.#gcra.intervalMs;
  }

  get heldMs(): number {
    return this.#gcra.delayMs(this.now());
  }

  /** One at a time, and only what is due: a slot that is taken ahead could come up late. */
  reserve(): Reservation {
    const now = this.now();
    if (this.#share < 1) this.#repace(now);
    const { intervalMs } = this.#gcra;
    const delayMs = this.#gcra.delayMs(now);
    if (delayMs > EARLY_MS) return { slots: 0, delayMs, intervalMs };
    this.#gcra.take(now);
    return { slots: 1, delayMs: 0, intervalMs };
  }

  observeRoundTrip(roundTripMs: number): void {
    if (this.#jitter.observe(roundTripMs)) this.#repace(this.now());
  }

  throttled(retryAfterMs: number): void {
    const now = this.now();
    if (now - this.#cutAt >= CUT_EVERY_MS) {
      this.#share = Math.max(SLOWEST, this.#shareAt(now) * CUT);
      this.#cutAt = now;
      this.#repace(now);
    }
    this.#gcra.delayUntil(now + Math.max(retryAfterMs, PAUSE_MS));
  }

  /** Forgets refusals, as a new process would; what was sent a moment ago still counts. */
  forgetRefusals(): void {
    this.#share = 1;
    this.#cutAt = Number.NEGATIVE_INFINITY;
    this.#repace(this.now());
    this.#gcra.release(this.now());
  }

  #shareAt(now: number): number {
    if (this.#share === 1) return 1;
    return Math.min(1, this.#share + ((now - this.#cutAt) / 1_000) * RECOVERY_PER_SECOND);
  }

  #repace(now: number): void {
    const { intervalMs, burst } = paceFor(this.#limit, this.#jitter.jitterMs);
    const share = this.#shareAt(now);
    if (share === 1) this.#share = 1;
    this.#gcra.intervalMs = intervalMs / share;
    this.#gcra.burst = burst;
  }
}
