/** Why work was broken off from this side: its time was up, or its signal was aborted. */
export type Interruption = 'timeout' | 'aborted';

/** Bounds work by a time and by a signal, whatever that work is waiting for. Dispose of it when done. */
export class TimeBox {
  /** Called once, when the work must end now. */
  onInterrupt: (() => void) | undefined;

  readonly #timer: NodeJS.Timeout;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => this.#break('aborted');
  readonly #interrupted: Promise<never>;
  #rejectInterrupted?: (reason: Error) => void;
  #interruption?: Interruption;

  /** @param limitMs milliseconds from now */
  constructor(limitMs: number, signal?: AbortSignal) {
    this.#interrupted = new Promise((_resolve, reject) => {
      this.#rejectInterrupted = reject;
    });
    this.#interrupted.catch(() => undefined);
    this.#timer = setTimeout(() => this.#break('timeout'), limitMs);
    this.#signal = signal;
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (signal?.aborted) this.#break('aborted');
  }

  /** Why it was broken off, once it was. */
  get interruption(): Interruption | undefined {
    return this.#interruption;
  }

  /** Rejects as soon as time is up or the signal is aborted, whatever the given work is doing. */
  guard<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#interrupted]);
  }

  /** Lets go of the timer and of the signal, which may outlive the work. */
  dispose(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.#onAbort);
  }

  #break(why: Interruption): void {
    if (this.#interruption !== undefined) return;
    this.#interruption = why;
    this.onInterrupt?.();
    this.#rejectInterrupted?.(new Error(why));
  }
}
