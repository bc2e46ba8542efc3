import { RtcValidationError } from '../errors/rtc-validation.error.js';

/**
 * Cancels work. It does the same as an AbortController with its signal, and costs almost nothing until it is cancelled.
 * Each call has one.
 */
export class Cancellation {
  #listeners: Set<() => void> | undefined;
  #isCancelled = false;
  #reason: unknown;

  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  /** The argument of {@link cancel}. */
  get reason(): unknown {
    return this.#reason;
  }

  /** Cancels. Only the first call counts. */
  cancel(reason?: unknown): void {
    if (this.#isCancelled) return;
    this.#isCancelled = true;
    this.#reason = reason;
    for (const listener of this.#listeners ?? []) listener();
  }

  /**
   * @param listener called once, now if it is already cancelled
   * @returns a function that stops listening
   */
  listen(listener: () => void): () => void {
    if (this.#isCancelled) listener();
    else (this.#listeners ??= new Set()).add(listener);
    return () => void this.#listeners?.delete(listener);
  }
}

interface Relay {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

const relays = new WeakMap<AbortSignal, Relay>();

/**
 * Listens to a cancellation, or to a caller's AbortSignal. All calls that share a signal share one listener, since Node warns about a leak
 * above ten. The listener is removed after the last call. The signal may come from another realm or a polyfill.
 * @param callback called at once if the signal is already aborted
 * @returns a function that stops listening
 * @throws RtcValidationError if the signal can't be listened to
 */
export function onAbort(signal: AbortSignal | Cancellation, callback: () => void): () => void {
  if (signal instanceof Cancellation) return signal.listen(callback);
  try {
    if (signal.aborted) {
      callback();
      return () => undefined;
    }
    const { callbacks, listener } = relays.get(signal) ?? openRelay(signal);
    callbacks.add(callback);
    // A getter or a listener of the signal may just have aborted it.
    if (signal.aborted) callback();
    return () => {
      callbacks.delete(callback);
      if (callbacks.size === 0) closeRelay(signal, listener);
    };
  } catch {
    throw new RtcValidationError([{ path: 'options.signal', message: "can't be listened to" }]);
  }
}

function openRelay(signal: AbortSignal): Relay {
  const callbacks = new Set<() => void>();
  const listener = (): void => {
    for (const callback of callbacks) callback();
  };
  signal.addEventListener('abort', listener, { once: true });
  const relay = { callbacks, listener };
  relays.set(signal, relay);
  return relay;
}

function closeRelay(signal: AbortSignal, listener: () => void): void {
  relays.delete(signal);
  try {
    signal.removeEventListener('abort', listener);
  } catch {
    // The listener has no callbacks left.
  }
}
