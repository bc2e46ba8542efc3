import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { bytesOf, type Callback } from './callback.js';
import type { Fault } from './fault.js';
import { type CallbackChange, rulesOf } from './fault-kinds.js';
import { post, type PostEnd } from './post.js';

/** Not published. */
const RETRY_AFTER_MS = 200;
/** So many are posted at the same time; the others wait. */
const MAX_CONNECTIONS = 64;
const MAX_WAITING_BYTES = 33_554_432;

/** Posts callbacks in the order in which they come, up to 64 at a time, with what faults make of them. */
export class CallbackSender {
  readonly #closing = new AbortController();
  /** All that have not ended. */
  readonly #pending = new Set<Promise<unknown>>();
  /** Those that are being posted. */
  readonly #active = new Set<Promise<unknown>>();
  /** Ends once the last one has left. */
  #leaving = Promise.resolve();
  #bytes = 0;
  /** How many were not posted, since too many waited. */
  refused = 0;

  constructor() {
    setMaxListeners(0, this.#closing.signal);
  }

  /**
   * @param onEnd is told of all tries, once for each copy
   * @returns the last try; undefined if it was never posted
   */
  async deliver(
    callback: Callback,
    fault: Fault | undefined,
    onEnd: (tries: readonly PostEnd[]) => void,
  ): Promise<PostEnd | undefined> {
    const bytes = bytesOf(callback);
    if (this.#closing.signal.aborted) return undefined;
    if (this.#bytes + bytes > MAX_WAITING_BYTES) {
      this.refused += 1;
      return undefined;
    }
    this.#bytes += bytes;
    const delivery = this.#deliver(callback, fault, (tries) => {
      if (!this.#closing.signal.aborted) onEnd(tries);
    });
    this.#pending.add(delivery);
    const last = await delivery;
    this.#bytes -= bytes;
    this.#pending.delete(delivery);
    return last;
  }

  async idle(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  /** Ends what is under way, and posts nothing from then on. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.idle();
  }

  async #deliver(
    callback: Callback,
    fault: Fault | undefined,
    onEnd: (tries: readonly PostEnd[]) => void,
  ): Promise<PostEnd | undefined> {
    const change: CallbackChange = (fault && rulesOf(fault).post?.(fault)) ?? {};
    const { delayMs = 0, copies = 1 } = change;
    if (copies === 0) {
      onEnd([]);
      return undefined;
    }
    if (delayMs > 0) await this.#pause(delayMs);
    const [tries] = await Promise.all(
      Array.from({ length: copies }, async (_, copy) => {
        const tries = await this.#send(callback, change, copy);
        onEnd(tries);
        return tries;
      }),
    );
    return tries?.at(-1);
  }

  /** Posts it when those before it have left, and a connection is free. */
  async #send(callback: Callback, change: CallbackChange, copy: number): Promise<readonly PostEnd[]> {
    const came = performance.now();
    const before = this.#leaving;
    let onSent = nothing;
    this.#leaving = new Promise((resolve) => (onSent = resolve));
    await before;
    while (this.#active.size >= MAX_CONNECTIONS) await Promise.race(this.#active);
    const isTooLate = performance.now() - came > callback.maxWaitMs;
    const body = Buffer.from(JSON.stringify(change.bodyOf?.(callback, copy) ?? callback.body));
    const posting = isTooLate ? Promise.resolve([]) : this.#post(callback, change, body, onSent);
    this.#active.add(posting);
    try {
      return await posting;
    } finally {
      this.#active.delete(posting);
      onSent();
    }
  }

  async #post(
    callback: Callback,
    change: CallbackChange,
    body: Buffer,
    onSent: () => void,
  ): Promise<readonly PostEnd[]> {
    const { url, headers, maxAttempts } = callback;
    const { signal } = this.#closing;
    const tries: PostEnd[] = [];
    while (tries.length < maxAttempts && !isDelivered(tries) && !signal.aborted) {
      if (tries.length > 0) await this.#pause(RETRY_AFTER_MS);
      const { elapsedMs, sent, ...answered } = await post(url, body, { headers, signal, onSent });
      const isLost = change.losesFirstAnswer === true && tries.length === 0;
      tries.push({ elapsedMs, sent, ...(isLost ? { failure: 'a fault lost the answer' } : answered) });
    }
    return tries;
  }

  /** Ends early, and well, when all of it ends. */
  async #pause(delayMs: number): Promise<void> {
    await sleep(delayMs, undefined, { signal: this.#closing.signal }).catch(() => undefined);
  }
}

/** Whether the last one was answered 200, and the whole answer came. */
export function isDelivered(tries: readonly PostEnd[]): boolean {
  const last = tries.at(-1);
  return last?.httpStatus === 200 && last.failure === undefined;
}

function nothing(): void {
  // Until a promise gives what resolves it.
}
