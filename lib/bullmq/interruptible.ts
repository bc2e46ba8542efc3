import { LONGEST_TIMER_MS } from '../openapi/time-box.js';
import { AbortListeners } from '../retry/abort-listeners.js';

/** One for all, since callers may share a signal. */
const listeners = new AbortListeners();

/** What a wait is rejected with that was interrupted. */
export class InterruptedWait extends Error {
  constructor(readonly by: 'signal' | 'timeout') {
    super(`Interrupted by ${by}`);
    this.name = 'InterruptedWait';
  }
}

/** What can end waits, besides what is waited for. */
export interface Interruptions {
  readonly signals: readonly AbortSignal[];
  readonly timeoutMs?: number | undefined;
}

/**
 * Waits for work that knows nothing of signals and time limits, such as a command that Redis's client keeps until
 * Redis is back. Such work goes on when the wait for it is interrupted, and what becomes of it is ignored.
 */
export class Interruptible {
  readonly #waiting = new Set<(reason: unknown) => void>();
  readonly #forget: (() => void)[] = [];
  #ended: { readonly reason: unknown } | undefined;

  constructor({ signals, timeoutMs }: Interruptions) {
    for (const signal of signals) {
      this.#forget.push(listeners.add(signal, () => this.#interrupt('signal')));
    }
    if (timeoutMs === undefined || !(timeoutMs <= LONGEST_TIMER_MS)) return;
    const timer = setTimeout(() => this.#interrupt('timeout'), timeoutMs);
    this.#forget.push(() => clearTimeout(timer));
  }

  /** Starts work and waits for it. */
  wait<T>(start: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) throw this.#ended.reason;
      this.#waiting.add(reject);
      start()
        .then(resolve, reject)
        .finally(() => this.#waiting.delete(reject));
    });
  }

  /** Whether an error is that of a wait which was interrupted here, rather than of what was waited for. */
  isReason(error: unknown): error is InterruptedWait {
    return error instanceof InterruptedWait && error === this.#ended?.reason;
  }

  /** Ends all waits with the error of something else that goes on meanwhile. */
  fail(reason: unknown): void {
    if (this.#ended !== undefined) return;
    this.#ended = { reason };
    for (const reject of this.#waiting) reject(reason);
  }

  /** Nothing interrupts it any more. */
  dispose(): void {
    for (const forget of this.#forget) forget();
  }

  #interrupt(by: InterruptedWait['by']): void {
    this.fail(new InterruptedWait(by));
  }
}

/** Waits for work, whatever becomes of it, but not for longer than so many milliseconds. */
export async function waitAtMost(timeoutMs: number, start: () => Promise<unknown>): Promise<void> {
  const limit = new Interruptible({ signals: [], timeoutMs });
  try {
    await limit.wait(start);
  } catch {
    // Whoever calls this does not depend on it.
  } finally {
    limit.dispose();
  }
}
