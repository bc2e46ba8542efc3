import { type Cancellation, onAbort } from './cancellation.js';

/** Why work was interrupted from this side: its time was up, or it was cancelled. */
export type Interruption = 'timeout' | 'aborted';

/** What a wait is rejected with that was interrupted. */
export class Interrupted extends Error {
  constructor(readonly by: Interruption) {
    super(`Interrupted by ${by}`);
    this.name = 'Interrupted';
  }
}

/** As long as a timer can be, in milliseconds: a longer one would go off at once. */
const LONGEST_TIMER_MS = 2_147_483_647;

/**
 * Bounds what is waited for by a time, by a cancellation and by callers' signals. The work itself goes on when a wait for
 * it is interrupted, and what becomes of it is ignored. Dispose of it when done.
 */
export class TimeBox {
  /** Called once, when the work must end now. */
  onInterrupt: (() => void) | undefined;

  readonly #timer: NodeJS.Timeout;
  readonly #endsAt: number;
  readonly #cancellation: Cancellation | undefined;
  readonly #onCancel = (): void => this.#interrupt('aborted');
  readonly #stopListening: readonly (() => void)[];
  #interruption?: Interruption;
  /** Rejects the wait that is under way. */
  #reject: ((error: Interrupted) => void) | undefined;

  /** @param limitMs milliseconds from now; Infinity: as long as it takes */
  constructor(limitMs: number, cancellation?: Cancellation, ...signals: (AbortSignal | undefined)[]) {
    this.#endsAt = limitMs > LONGEST_TIMER_MS ? Infinity : performance.now() + limitMs;
    // Without a limit, too: whoever waits keeps the process alive.
    this.#timer = setTimeout(() => this.#timeUp(), Math.min(limitMs, LONGEST_TIMER_MS));
    this.#cancellation = cancellation;
    cancellation?.add(this.#onCancel);
    if (cancellation?.isCancelled) this.#interrupt('aborted');
    this.#stopListening = signals.flatMap((signal) => (signal ? [onAbort(signal, this.#onCancel)] : []));
  }

  /** How much of the time is left, in milliseconds. */
  get leftMs(): number {
    return Math.max(0, this.#endsAt - performance.now());
  }

  /** Why it was interrupted, once it was. */
  get interruption(): Interruption | undefined {
    return this.#interruption;
  }

  /** Does not keep the process alive. */
  unref(): this {
    this.#timer.unref();
    return this;
  }

  /**
   * Waits for work, one at a time. Rejects with an {@link Interrupted} soon after time is up or it is cancelled; what is
   * done by then comes through, and what fails by then is interrupted as well.
   * @param work what is under way, or starts it unless it is interrupted already
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

  /** Waits until time is up or it is cancelled, and says which. */
  async wait(): Promise<Interruption> {
    const never = new Promise<never>(() => undefined);
    return await this.guard(never).catch(({ by }: Interrupted) => by);
  }

  /** Lets go of the timer, the cancellation and the signals, which may outlive the work. */
  dispose(): void {
    clearTimeout(this.#timer);
    this.onInterrupt = undefined;
    this.#reject = undefined;
    this.#cancellation?.remove(this.#onCancel);
    for (const stop of this.#stopListening) stop();
  }

  /** What has come in meanwhile is read first: this process may have stood still, not the one that was to answer. */
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
