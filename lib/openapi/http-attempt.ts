import type { Attempt, AttemptPhase } from '../errors/attempt.js';

/** Why an attempt was broken off from this side. */
export type Interruption = 'timeout' | 'aborted';

/**
 * One HTTP attempt while it is under way: its phase, the time that it may take, and the caller's signal.
 * The phase is kept here rather than in whatever is thrown, since it alone proves whether a message can have
 * been accepted, and Axios or an interceptor may throw anything.
 */
export class HttpAttempt {
  phase: AttemptPhase = 'queued';
  httpStatus?: number;

  /** Called once when the attempt must end now; the adapter closes its request by it. */
  onInterrupt: (() => void) | undefined;

  readonly #startedAt = new Date();
  readonly #started = performance.now();
  readonly #timer: NodeJS.Timeout;
  readonly #onAbort = (): void => this.#break('aborted');
  readonly #interrupted: Promise<never>;
  #rejectInterrupted?: (reason: Error) => void;
  #interruption?: Interruption;

  /** @param timeoutMs for the whole attempt, the response's body included */
  constructor(
    timeoutMs: number,
    private readonly callerSignal?: AbortSignal,
  ) {
    this.#interrupted = new Promise((_resolve, reject) => {
      this.#rejectInterrupted = reject;
    });
    this.#interrupted.catch(() => undefined);
    this.#timer = setTimeout(() => this.#break('timeout'), timeoutMs);
    callerSignal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Why it was broken off, once it was. */
  get interruption(): Interruption | undefined {
    return this.#interruption;
  }

  /** True while it is proven that the remote side has no byte of the body. */
  get nothingSent(): boolean {
    return this.phase === 'queued' || this.phase === 'connecting';
  }

  /** Rejects as soon as the attempt is interrupted, whatever the given work is waiting for. */
  guard<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#interrupted]);
  }

  /** What receipts and errors tell of it. */
  describe(
    outcome: Attempt['outcome'],
    details: { requestId?: string | undefined; failure?: string | undefined } = {},
  ): Attempt {
    return {
      outcome,
      phase: this.phase,
      startedAt: this.#startedAt.toISOString(),
      durationMs: Math.round(performance.now() - this.#started),
      ...(this.httpStatus !== undefined && { httpStatus: this.httpStatus }),
      ...(details.requestId !== undefined && { requestId: details.requestId }),
      ...(details.failure !== undefined && { failure: details.failure }),
    };
  }

  /** Lets go of the timer and of the caller's signal, which may outlive the attempt. */
  dispose(): void {
    clearTimeout(this.#timer);
    this.callerSignal?.removeEventListener('abort', this.#onAbort);
  }

  #break(why: Interruption): void {
    if (this.#interruption !== undefined) return;
    this.#interruption = why;
    this.onInterrupt?.();
    this.#rejectInterrupted?.(new Error(why));
  }
}
