import type { Cancellation } from './cancellation.js';

/** Why work was broken off from this side: its time was up, or it was cancelled. */
export type Interruption = 'timeout' | 'aborted';

/** As long as a timer can be, in milliseconds: a longer one would go off at once. */
export const LONGEST_TIMER_MS = 2_147_483_647;

/** Bounds work by a time and by a cancellation, whatever that work is waiting for. Dispose of it when done. */
export class TimeBox {
  /** Called once, when the work must end now. */
  onInterrupt: (() => void) | undefined;

  readonly #timer: NodeJS.Timeout;
  readonly #endsAt: number;
  readonly #cancellation: Cancellation | undefined;
  readonly #onCancel = (): void => this.#break('aborted');
  #interruption?: Interruption;
  /** Of the guard or wait that is under way. */
  #onBreak: ((why: Interruption) => void) | undefined;

  /** @param limitMs milliseconds from now */
  constructor(limitMs: number, cancellation?: Cancellation) {
    this.#endsAt = performance.now() + limitMs;
    this.#timer = setTimeout(() => this.#break('timeout'), limitMs);
    this.#cancellation = cancellation;
    cancellation?.add(this.#onCancel);
    if (cancellation?.isCancelled) this.#break('aborted');
  }

  /** How much of the time is left, in milliseconds. */
  get leftMs(): number {
    return Math.max(0, this.#endsAt - performance.now());
  }

  /** Why it was broken off, once it was. */
  get interruption(): Interruption | undefined {
    return this.#interruption;
  }

  /**
   * Rejects as soon as time is up or it is cancelled, whatever the given work is doing. One at a time.
   */
  guard<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      work.then(resolve, reject);
      this.#listen((why) => reject(new Error(why)));
    });
  }

  /** Waits until time is up or it is cancelled, and says which. */
  wait(): Promise<Interruption> {
    return new Promise((resolve) => {
      this.#listen(resolve);
    });
  }

  /** Lets go of the timer and of the cancellation, which may outlive the work. */
  dispose(): void {
    clearTimeout(this.#timer);
    this.#cancellation?.remove(this.#onCancel);
  }

  #listen(onBreak: (why: Interruption) => void): void {
    if (this.#interruption === undefined) this.#onBreak = onBreak;
    else onBreak(this.#interruption);
  }

  #break(why: Interruption): void {
    if (this.#interruption !== undefined) return;
    this.#interruption = why;
    this.onInterrupt?.();
    this.#onBreak?.(why);
  }
}
