import { Gcra } from './gcra.js';
import { JitterEstimate } from './jitter-estimate.js';
import { paceFor } from './paced-rate.js';
import type { AdjustableQuota, Reservation } from './quota.js';
import { THROTTLING } from './throttling.js';

/** Timers are no more exact than this; the jitter that is allowed for is many times more. */
const EARLY_MS = 0.5;

/** The schedule of one process. */
export class LocalQuota implements AdjustableQuota {
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

  get limit(): number {
    return this.#limit;
  }

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

  /** How much requests' times on the way differ. */
  get jitterMs(): number {
    return this.#jitter.jitterMs;
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
    if (now - this.#cutAt >= THROTTLING.cutEveryMs) {
      this.#share = Math.max(THROTTLING.slowest, this.#shareAt(now) * THROTTLING.cut);
      this.#cutAt = now;
      this.#repace(now);
    }
    this.hold(Math.max(retryAfterMs, THROTTLING.pauseMs));
  }

  /** Nothing for so long, in milliseconds, and no burst after it. */
  hold(ms: number): void {
    this.#gcra.delayUntil(this.now() + ms);
  }

  /** Forgets refusals, as a new process would; what was sent a moment ago still counts. */
  forgetRefusals(): void {
    this.#share = 1;
    this.#cutAt = Number.NEGATIVE_INFINITY;
    this.#repace(this.now());
    this.#gcra.release(this.now());
  }

  #shareAt(now: number): number {
    return Math.min(1, this.#share + ((now - this.#cutAt) / 1_000) * THROTTLING.recoveryPerSecond);
  }

  #repace(now: number): void {
    const { intervalMs, burst } = paceFor(this.#limit, this.#jitter.jitterMs);
    const share = this.#shareAt(now);
    if (share === 1) this.#share = 1;
    this.#gcra.changePace(intervalMs / share, burst);
  }
}
