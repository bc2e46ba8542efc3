/**
 * Listens to callers' signals with one listener each, however many calls share a signal: Node warns of a leak
 * when there are more than ten.
 */
export class AbortListeners {
  readonly #bySignal = new WeakMap<AbortSignal, { callbacks: Set<() => void>; listener: () => void }>();

  /** @returns what stops listening */
  add(signal: AbortSignal, onAbort: () => void): () => void {
    const { callbacks, listener } = this.#bySignal.get(signal) ?? this.#listen(signal);
    callbacks.add(onAbort);
    return () => {
      callbacks.delete(onAbort);
      if (callbacks.size > 0) return;
      signal.removeEventListener('abort', listener);
      this.#bySignal.delete(signal);
    };
  }

  #listen(signal: AbortSignal): { callbacks: Set<() => void>; listener: () => void } {
    const callbacks = new Set<() => void>();
    const listener = (): void => {
      for (const onAbort of callbacks) onAbort();
    };
    const entry = { callbacks, listener };
    this.#bySignal.set(signal, entry);
    signal.addEventListener('abort', listener, { once: true });
    return entry;
  }
}
