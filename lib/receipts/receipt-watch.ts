import type { ReceiptStatus, ReceiptStore } from './receipt-store.js';

const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 250;

/** Looks at a message for all who wait for it, until nobody is awaited or nobody waits. */
export class ReceiptWatch {
  waiting = 0;
  /** Whether the store has answered the last look. */
  isAnswered = false;
  readonly over: Promise<void>;
  #isPoked = false;
  #wake = (): void => undefined;
  #status: Promise<ReceiptStatus | undefined> | undefined;

  constructor(
    private readonly store: Pick<ReceiptStore, 'look' | 'status'>,
    private readonly messageId: string,
  ) {
    this.over = this.#run();
  }

  /** Asked once for all whose wait ends at the same time. */
  status(): Promise<ReceiptStatus | undefined> {
    this.#status ??= this.store.status(this.messageId).finally(() => (this.#status = undefined));
    return this.#status;
  }

  /** Has it look again. */
  poke(): void {
    this.#isPoked = true;
    this.#wake();
  }

  async #run(): Promise<void> {
    // Most receipts come soon.
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      this.isAnswered = this.#isPoked = false;
      let againMs: number | undefined;
      try {
        const seen = await this.store.look(this.messageId);
        this.isAnswered = true;
        if (!seen?.awaited) return;
        ({ againMs } = seen);
      } catch {
        // While the store does not answer, nobody knows.
      }
      if (this.waiting === 0) return;
      if (!this.#isPoked) await this.#pause(againMs ?? pauseMs);
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms).unref();
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
