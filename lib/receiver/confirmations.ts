import { MAX_RECEIPTS, writeReceipts } from './receipt-text.js';

// Browsers, Electron, React Native and Node have them. Their types come with each of these, and this entry needs none.
declare function setTimeout(work: () => void, ms: number): unknown;
declare function clearTimeout(timer: unknown): void;

/** A client may send 20 messages a second. These are at most eight, and the rest is the app's. */
const LEAST_PAUSE_MS = 125;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;
const MAX_TRIES = 8;
const CONFIRM_MS = 10_000;
const MAX_WAITING = 10_000;

/** Confirms messages in batches, one batch at a time. */
export function createConfirmations(confirm: (receipts: string) => unknown) {
  let waiting: string[] = [];
  let timer: unknown;
  let isSending = false;
  let isClosed = false;
  let tries = 0;

  const send = async (): Promise<void> => {
    timer = undefined;
    isSending = true;
    const batch = waiting.splice(0, MAX_RECEIPTS);
    try {
      await within(CONFIRM_MS, () => confirm(writeReceipts(batch)));
      tries = 0;
    } catch {
      tries = (tries + 1) % MAX_TRIES;
      // Of too many, the oldest are given up.
      if (tries > 0) waiting = [...batch, ...waiting].slice(-MAX_WAITING);
    }
    isSending = false;
    schedule();
  };

  const schedule = (): void => {
    if (isClosed || isSending || timer !== undefined || waiting.length === 0) return;
    const pause =
      tries === 0 ? LEAST_PAUSE_MS : Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (tries - 1));
    // By chance up to twice as long, since many clients receive a message at once.
    timer = setTimeout(() => void send(), pause * (1 + Math.random()));
  };

  return {
    add(messageId: string): void {
      waiting.push(messageId);
      if (waiting.length > MAX_WAITING) waiting.shift();
      schedule();
    },
    close(): void {
      clearTimeout(timer);
      if (!isClosed && waiting.length > 0) void send();
      isClosed = true;
    },
  };
}

/** Rejects when it takes longer. */
export async function within(ms: number, work: () => unknown): Promise<void> {
  let timer: unknown;
  const silence = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`It took more than ${ms} ms.`)), ms);
  });
  try {
    await Promise.race([work(), silence]);
  } finally {
    clearTimeout(timer);
  }
}
