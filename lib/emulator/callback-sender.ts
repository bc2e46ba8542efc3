import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Callback, isRoomEventType } from './callback.js';
import { post, type PostEnd } from './post.js';

/** Of an event. A client's message is posted once. */
const EVENT_ATTEMPTS = 3;
/** Not published. */
const RETRY_AFTER_MS = 200;
/** So many are posted at the same time; the others wait. */
const MAX_CONNECTIONS = 64;

/** Posts callbacks in the order in which they come, up to 64 at a time. */
export class CallbackSender {
  readonly #closing = new AbortController();
  readonly #posting = new Set<Promise<unknown>>();
  /** Ends once the last one has left. */
  #leaving = Promise.resolve();

  constructor() {
    setMaxListeners(0, this.#closing.signal);
  }

  get isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Ends what is under way, and posts nothing from then on. */
  close(): void {
    this.#closing.abort();
  }

  /** Waits, though not for longer than until the end. */
  async pause(delayMs: number): Promise<void> {
    await sleep(delayMs, undefined, { signal: this.#closing.signal }).catch(() => undefined);
  }

  /**
   * Posts one when those before it have left, and a connection is free.
   * @returns all tries
   */
  async send(callback: Callback, losesFirstAnswer: boolean): Promise<readonly PostEnd[]> {
    const before = this.#leaving;
    let resolveLeaving: (() => void) | undefined;
    this.#leaving = new Promise((resolve) => (resolveLeaving = resolve));
    const onSent = (): void => resolveLeaving?.();
    await before;
    while (this.#posting.size >= MAX_CONNECTIONS) await Promise.race(this.#posting);
    const posting = this.#post(callback, losesFirstAnswer, onSent);
    this.#posting.add(posting);
    const tries = await posting;
    this.#posting.delete(posting);
    onSent();
    return tries;
  }

  async #post(
    { action, url, body }: Callback,
    losesFirstAnswer: boolean,
    onSent: () => void,
  ): Promise<readonly PostEnd[]> {
    const isEvent = isRoomEventType(action);
    // The service sends clients' messages without a content type.
    const headers: Record<string, string> = isEvent ? { 'Content-Type': 'application/json' } : {};
    const content = Buffer.from(JSON.stringify(body));
    const tries: PostEnd[] = [];
    while (tries.length < (isEvent ? EVENT_ATTEMPTS : 1) && !isDelivered(tries) && !this.isClosed) {
      if (tries.length > 0) await this.pause(RETRY_AFTER_MS);
      const end = await post(url, content, { headers, signal: this.#closing.signal, onSent });
      const { elapsedMs, sent } = end;
      const isLost = losesFirstAnswer && tries.length === 0;
      tries.push(isLost ? { elapsedMs, sent, failure: 'a fault lost the answer' } : end);
    }
    return tries;
  }
}

/** Whether the last one was answered 200, and the whole answer came. */
export function isDelivered(tries: readonly PostEnd[]): boolean {
  const last = tries.at(-1);
  return last?.httpStatus === 200 && last.failure === undefined;
}
