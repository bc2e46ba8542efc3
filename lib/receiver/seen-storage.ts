import { LEAST_PAUSE_MS } from './confirmations.js';
import { attempt, dropOldest, pause, within } from './limits.js';
import { splitIds } from './receipt-text.js';

/** Keeps over restarts which messages the app has taken, for one user: a message to several users has one ID. */
export interface ReceiverStorage {
  /** What was saved last; null or undefined if nothing was. At the start, messages wait for it for up to 3 s. */
  load(): string | null | undefined | Promise<string | null | undefined>;
  /**
   * Saves a text of up to 33 KB. At most eight times a second, what is there is loaded and saved with what was added,
   * so that several tabs can share it. A promise is waited for before the next call, for up to 3 s.
   */
  save(seen: string): unknown;
}

const MAX_STORED = 1_000;
const STORAGE_MS = 3_000;

/** Reads and adds to what a storage holds. What it fails with is left alone: it must not keep messages from the app. */
export function createSeenStorage(storage: ReceiverStorage) {
  const unsaved = new Set<string>();
  let isChanged = false;
  let isRunning = false;

  const load = async (use: (ids: string[]) => unknown): Promise<void> => {
    const stored = storage.load();
    // What is at hand is used at once, so that nothing of another tab comes between.
    const seen = stored && typeof stored === 'object' ? await stored : stored;
    await use(splitIds(seen ?? ''));
  };

  const save = async (): Promise<void> => {
    const ids = [...unsaved];
    // One that is damaged leaves the others whole, thanks to the spaces.
    await load((saved) => storage.save([...saved, ...ids].slice(-MAX_STORED).join(' ')));
    for (const id of ids) unsaved.delete(id);
  };

  return {
    /** Gives what is there, even after the time for which this waits. */
    load: (use: (ids: string[]) => void) => attempt(() => within(STORAGE_MS, () => load(use))),
    add: async (messageId: string): Promise<void> => {
      unsaved.add(messageId);
      dropOldest(unsaved, MAX_STORED);
      isChanged = true;
      if (isRunning) return;
      isRunning = true;
      while (isChanged) {
        isChanged = false;
        await attempt(() => within(STORAGE_MS, save));
        await pause(LEAST_PAUSE_MS);
      }
      isRunning = false;
    },
  };
}
