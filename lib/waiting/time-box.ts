import { type Cancellation, onAbort } from './cancellation.js';

/** Why work was interrupted: its time limit passed, or it was cancelled. */
export type Interruption = 'timeout' | 'aborted';

/** Rejects a wait that was interrupted. */
export class Interrupted extends Error {
  constructor(readonly by: Interruption) {
    super(`Interrupted by ${by}`);
    this.name = 'Interrupted';
  }
}

/** Longest timer, in milliseconds. A longer one would fire at once. */
export const LONGEST_TIMER_MS = 2_147_483_647;

/**
 * Bounds waits by a time limit, a cancellation and callers' signals. The work itself goes on after an interrupted wait,
 * and its result is ignored. Dispose of the box when done.
 */
export class TimeBox {
  /** Called once, when the work must end. */
  onInterrupt: (() => void) | undefined;

  readonly #timer: NodeJS.Timeout;
  readonly #endsAt: number;
  readonly #stopListening: (() => void)[] = [];
  #interruption?: Interruption;
  /** Rejects the current wait. */
  #reject: ((error: Interrupted) => void) | undefined;

  /** @param limitMs milliseconds from now. Infinity: no limit. */
  constructor(limitMs: number, ...signals: readonly (Cancellation | AbortSignal | undefined)[]) {
    this.#endsAt = limitMs > LONGEST_TIMER_MS ? Infinity : performance.now() + limitMs;
    // Also without a limit: a wait keeps the process alive.
    this.#timer = setTimeout(() => this.#timeUp(), Math.min(limitMs, LONGEST_TIMER_MS));
    const onCancel = (): void => this.#interrupt('aborted');
    for (const signal of signals)
      if (signal !== undefined) this.#stopListening.push(onAbort(signal, onCancel));
  }

  /** Remaining time, in milliseconds. */
  get leftMs(): number {
    return Math.max(0, this.#endsAt - performance.now());
  }

  /** Why the wait was interrupted. Undefined before that. */
  get interruption(): Interruption | undefined {
    return this.#interruption;
  }

  /** Lets the process end during a wait. */
  unref(): this {
    this.#timer.unref();
    return this;
  }

  /**
   * Waits for work, one piece at a time. Rejects with an {@link Interrupted} soon after the time limit or the
   * cancellation. Work that has finished by then resolves. Work that has failed by then is interrupted too.
   * @param work a promise, or a function that starts the work (not called if already interrupted)
   */
  guard<T>(work: Promise<T> | (() => Promise<T>)): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      const started = typeof work !== 'function' ? work : this.#interruption === undefined && work();
      const fail = (error: unknown): void =>
        reject(this.#interruption === undefined ? (error as Error) : new Interrupted(this.#interruption));
      if (started) started.then(resolve, fail);
      this.#rejectSoon();
    });
  }

  /** Waits until the time limit or the cancellation, disposes of the box, and returns which came first. */
  async wait(): Promise<Interruption> {
    const never = new Promise<never>(() => undefined);
    const by = await this.guard(never).catch((interrupted: Interrupted) => interrupted.by);
    this.dispose();
    return by;
  }

  /** Releases the timer, the cancellation and the signals, which may outlive the work. */
  dispose(): void {
    clearTimeout(this.#timer);
    this.onInterrupt = undefined;
    this.#reject = undefined;
    for (const stop of this.#stopListening) stop();
  }

  /** Input that has arrived is read first: this process may have stood still, and not the remote side. */
  #timeUp(): void {
    if (this.#endsAt < Infinity) setImmediate(() => this.#interrupt('timeout'));
  }

  #interrupt(why: Interruption): void {
    if (this.#interruption !== undefined) return;
    this.#interruption = why;
    this.onInterrupt?.();
    this.#rejectSoon();
  }

  #rejectSoon(): void {
    const { interruption } = this;
    const reject = this.#reject;
    if (interruption !== undefined) setImmediate(() => reject?.(new Interrupted(interruption)));
  }
}

/** Waits for work in a {@link TimeBox} of its own. */
export async function waitFor<T>(
  work: Promise<T> | (() => Promise<T>),
  ...limits: ConstructorParameters<typeof TimeBox>
): Promise<T> {
  const box = new TimeBox(...limits);
  try {
    return await box.guard(work);
  } finally {
    box.dispose();
  }
}
