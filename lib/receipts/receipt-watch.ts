import { setTimeout as sleep } from 'node:timers/promises';
import type { ReceiptStatus, ReceiptStore } from './receipt-store.js';

const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 250;

/** Looks at a message for all who wait for it, until nobody is awaited or nobody waits. */
export class ReceiptWatch {
  waiting = 0;
  readonly over: Promise<void>;
  readonly #end = new AbortController();
  #status: Promise<ReceiptStatus | undefined> | undefined;

  constructor(
    private readonly store: Pick<ReceiptStore, 'awaitedOf' | 'status'>,
    private readonly messageId: string,
  ) {
    this.over = this.#run();
  }

  /** Asked once for all whose wait ends at the same time. */
  status(): Promise<ReceiptStatus | undefined> {
    this.#status ??= this.store.status(this.messageId).finally(() => (this.#status = undefined));
    return this.#status;
  }

  end(): void {
    this.#end.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#end;
    // Most receipts come soon.
    for (let pauseMs = FIRST_PAUSE_MS; !signal.aborted; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      // While the store does not answer, nobody knows.
      const awaited = await this.store.awaitedOf(this.messageId).catch(() => Infinity);
      if (!awaited) return;
      await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }
}
