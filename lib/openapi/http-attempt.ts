import type { AttemptPhase } from '../errors/attempt.js';
import type { AttemptEnd, AttemptResult, Signing } from './attempt-result.js';
import { TimeBox } from './time-box.js';

/**
 * One HTTP attempt while it is under way: its phase, the time that it may take, and the signal that ends it.
 * The phase is kept here rather than in whatever is thrown, since it alone proves whether a message can have
 * been accepted, and Axios or an interceptor may throw anything.
 */
export class HttpAttempt extends TimeBox {
  phase: AttemptPhase = 'queued';
  /** Asked when bytes are about to leave, which may be long after the attempt began. */
  mayLeave: () => boolean = () => true;
  httpStatus?: number;
  signedWith?: Signing;

  readonly #startedAt = new Date();
  readonly #started = performance.now();

  /** What there is to tell of it once it has ended. */
  result(end: AttemptEnd): AttemptResult {
    return {
      end,
      phase: this.phase,
      startedAt: this.#startedAt,
      durationMs: performance.now() - this.#started,
      httpStatus: this.httpStatus,
      signedWith: this.signedWith,
    };
  }
}
