import { after, attempt, CONFIRM_MS, dropOldest, LEAST_PAUSE_MS, within } from './limits.js';
import { MAX_RECEIPTS, writeReceipts } from './receipt-text.js';

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;
const MAX_TRIES = 8;
const MAX_WAITING = 10_000;

/** Confirms messages in batches, one batch at a time. */
export function createConfirmations(confirm: (receipts: string) => unknown) {
  const waiting = new Set<string>();
  let hurry: (() => void) | undefined;
  let running: Promise<void> | undefined;
  let isClosed = false;

  // By chance up to twice as long, since many clients receive a message at once.
  const pause = (ms: number): Promise<void> =>
    new Promise((end) => {
      const stop = after(isClosed ? LEAST_PAUSE_MS : ms * (1 + Math.random()), end);
      hurry = () => {
        stop();
        after(LEAST_PAUSE_MS, end);
      };
    });

  const run = async (): Promise<void> => {
    while (waiting.size > 0) {
      await pause(LEAST_PAUSE_MS);
      const ids = [...waiting].slice(0, MAX_RECEIPTS);
      for (const id of ids) waiting.delete(id);
      const send = (): unknown => within(CONFIRM_MS, () => confirm(writeReceipts(ids)));
      for (let tries = 1; !(await attempt(send)); tries++) {
        if (isClosed || tries === MAX_TRIES) break;
        await pause(Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (tries - 1)));
      }
    }
    running = undefined;
  };

  return {
    add(messageId: string): void {
      waiting.add(messageId);
      dropOldest(waiting, MAX_WAITING);
      running ??= run();
    },
    /** Confirms what waits, and tries it once more at most. */
    close(): Promise<void> | undefined {
      if (!isClosed) hurry?.();
      isClosed = true;
      return running;
    },
  };
}
