import { after, attempt, LEAST_PAUSE_MS, within } from './limits.js';
import { splitIds } from './receipt-text.js';

/** Keeps over restarts which messages the app has taken, for one user: a message to several users has one ID. */
export interface ReceiverStorage {
  /**
   * What was saved last; null or undefined if nothing was. It is called once, and nothing is saved before it has ended.
   * Until then, but for 3 s at most, messages with a prefix wait.
   */
  load(): string | null | undefined | Promise<string | null | undefined>;
  /**
   * Saves a text of up to 33 KB in place of the last one, at most eight times a second. A promise is waited for before
   * the next call. Each receiver needs a place of its own: where two save to one, the last wins.
   */
  save(seen: string): unknown;
}

const MAX_STORED = 1_000;
const STORAGE_MS = 3_000;

/**
 * Reads into `seen`, and saves of it, which messages the app has taken. What the storage fails with is left alone: it
 * must not keep messages from the app.
 */
export function createSeenStorage(storage: ReceiverStorage, seen: Map<string, boolean>) {
  let isChanged = false;
  let saving: Promise<void> | undefined;

  const loading = attempt(async () => {
    const saved = splitIds((await storage.load()) ?? '').slice(-MAX_STORED);
    // What was shown meanwhile is newer.
    const shown = [...seen];
    seen.clear();
    for (const [id, isTaken] of [...saved.map((id) => [id, true] as const), ...shown]) seen.set(id, isTaken);
  });

  const save = async (): Promise<void> => {
    await loading;
    while (isChanged) {
      isChanged = false;
      const taken = [...seen.keys()].filter((id) => seen.get(id));
      // One that is damaged leaves the others whole, thanks to the spaces.
      await attempt(() => storage.save(taken.slice(-MAX_STORED).join(' ')));
      await new Promise<void>((end) => after(LEAST_PAUSE_MS, end));
    }
    saving = undefined;
  };

  return {
    /** Until what was saved is known, or nobody waits for it any longer. */
    loaded: attempt(() => within(STORAGE_MS, () => loading)),
    save(): void {
      isChanged = true;
      saving ??= save();
    },
    /** When all is saved. */
    saved: () => saving,
  };
}
