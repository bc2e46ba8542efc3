import { RtcValidationError } from '../errors/rtc-validation.error.js';

interface Listening {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

/**
 * Listens to callers' signals with one listener each, however many calls share a signal: Node warns of a leak
 * when there are more than ten. A signal may be of any realm or make, and whatever it throws is not the call's.
 */
export class AbortListeners {
  readonly #bySignal = new WeakMap<AbortSignal, Listening>();

  /**
   * @param onAbort called at once if it is aborted already
   * @returns what stops listening
   * @throws RtcValidationError when it can't be listened to
   */
  add(signal: AbortSignal, onAbort: () => void): () => void {
    try {
      if (signal.aborted) {
        onAbort();
        return () => undefined;
      }
      const { callbacks, listener } = this.#bySignal.get(signal) ?? this.#listen(signal);
      callbacks.add(onAbort);
      // It may have been aborted by what was asked of it.
      if (signal.aborted) onAbort();
      return () => this.#remove(signal, callbacks, listener, onAbort);
    } catch {
      throw new RtcValidationError([{ path: 'options.signal', message: "can't be listened to" }]);
    }
  }

  #listen(signal: AbortSignal): Listening {
    const callbacks = new Set<() => void>();
    const listener = (): void => {
      for (const onAbort of callbacks) onAbort();
    };
    signal.addEventListener('abort', listener, { once: true });
    const entry = { callbacks, listener };
    this.#bySignal.set(signal, entry);
    return entry;
  }

  #remove(signal: AbortSignal, callbacks: Set<() => void>, listener: () => void, onAbort: () => void): void {
    callbacks.delete(onAbort);
    if (callbacks.size > 0) return;
    this.#bySignal.delete(signal);
    try {
      signal.removeEventListener('abort', listener);
    } catch {
      // It listens to nothing any more.
    }
  }
}
