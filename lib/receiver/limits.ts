// Browsers, Electron, React Native and Node have them. Their types come with each of these, and this entry needs none.
declare function setTimeout(work: () => void, ms: number): unknown;
declare function clearTimeout(timer: unknown): void;

/** A client may send 20 messages a second. These are at most eight, and the rest is the app's. */
export const LEAST_PAUSE_MS = 125;
/** How long one text of receipts may take. */
export const CONFIRM_MS = 10_000;

/** @returns what calls it off */
export function after(ms: number, work: () => void): () => void {
  const timer = setTimeout(work, ms);
  return () => clearTimeout(timer);
}

/** Rejects when it takes longer. */
export function within(ms: number, work: () => unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = after(ms, () => reject(new Error(`It took more than ${ms} ms.`)));
    void attempt(work, reject).then(stop).then(resolve);
  });
}

/** Does it at once. @returns whether it ended well */
export async function attempt(work: () => unknown, fail?: (error: unknown) => void): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    fail?.(error);
    return false;
  }
}

/** Drops what came first, until no more than `most` are kept. */
export function dropOldest(kept: Set<string> | Map<string, unknown>, most: number): void {
  for (const oldest of kept.keys()) {
    if (kept.size <= most) return;
    kept.delete(oldest);
  }
}

/** @throws TypeError naming the first that is no function */
export function needFunctions(given: Readonly<Record<string, unknown>>): void {
  for (const [name, work] of Object.entries(given)) {
    if (typeof work !== 'function') throw new TypeError(`\`${name}\`: must be a function`);
  }
}
