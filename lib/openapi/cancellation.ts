/**
 * Tells work to end. It does what an AbortController and its signal do, and costs next to nothing as long as no one
 * cancels: each call has two.
 */
export class Cancellation {
  #listeners: Set<() => void> | undefined;
  #isCancelled = false;
  #reason: string | undefined;

  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  /** What was given when it was cancelled. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** Only the first time counts. */
  cancel(reason?: string): void {
    if (this.#isCancelled) return;
    this.#isCancelled = true;
    this.#reason = reason;
    for (const listener of this.#listeners ?? []) listener();
  }

  /** @param listener called at most once, never if it is cancelled already */
  add(listener: () => void): void {
    (this.#listeners ??= new Set()).add(listener);
  }

  remove(listener: () => void): void {
    this.#listeners?.delete(listener);
  }
}
