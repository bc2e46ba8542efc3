import { RtcValidationError } from '../errors/rtc-validation.error.js';

/**
 * Ends work. It does what an AbortController and its signal do, and costs next to nothing as long as no one cancels:
 * each call has one.
 */
export class Cancellation {
  #listeners: Set<() => void> | undefined;
  #isCancelled = false;
  #reason: unknown;

  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  /** What was given when it was cancelled. */
  get reason(): unknown {
    return this.#reason;
  }

  /** Only the first time counts. */
  cancel(reason?: unknown): void {
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

interface Relay {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

const relays = new WeakMap<AbortSignal, Relay>();

/**
 * Listens to a caller's AbortSignal: with one listener for all calls that share it, since Node warns of a leak when there
 * are more than ten, and with none after the last call. A signal may be of any realm or make.
 * @param callback called at once if it is aborted already
 * @returns what stops listening
 * @throws RtcValidationError when it can't be listened to
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  try {
    if (signal.aborted) {
      callback();
      return () => undefined;
    }
    const { callbacks, listener } = relays.get(signal) ?? openRelay(signal);
    callbacks.add(callback);
    // It may have been aborted by what was asked of it.
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
    // It listens to nothing any more.
  }
}
