import { attempt, dropOldest, pause, within } from './limits.js';
import { MAX_RECEIPTS, writeReceipts } from './receipt-text.js';

/** A client may send 20 messages a second. These are at most eight, and the rest is the app's. */
export const LEAST_PAUSE_MS = 125;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;
const MAX_TRIES = 8;
const CONFIRM_MS = 10_000;
const MAX_WAITING = 10_000;

/** Confirms messages in batches, one batch at a time. */
export function createConfirmations(confirm: (receipts: string) => unknown) {
  const waiting = new Set<string>();
  let wake: (() => void) | undefined;
  let running: Promise<void> | undefined;
  let isClosed = false;

  // By chance up to twice as long, since many clients receive a message at once.
  const wait = (ms: number): unknown => isClosed || pause(ms * (1 + Math.random()), (end) => (wake = end));

  const run = async (): Promise<void> => {
    while (waiting.size > 0) {
      await wait(LEAST_PAUSE_MS);
      const ids = [...waiting].slice(0, MAX_RECEIPTS);
      for (const id of ids) waiting.delete(id);
      const send = (): unknown => within(CONFIRM_MS, () => confirm(writeReceipts(ids)));
      let retryMs = FIRST_RETRY_MS;
      for (let tries = 1; !(await attempt(send)); tries++) {
        if (isClosed || tries === MAX_TRIES) break;
        await wait(retryMs);
        retryMs = Math.min(LONGEST_RETRY_MS, retryMs * 2);
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
    /** Confirms what waits without a pause, and tries it once more at most. */
    close(): Promise<void> | undefined {
      isClosed = true;
      wake?.();
      return running;
    },
  };
}
