// Browsers, Electron, React Native and Node have them. Their types come with each of these, and this entry needs none.
declare function setTimeout(work: () => void, ms: number): unknown;
declare function clearTimeout(timer: unknown): void;

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

/** Waits, and less long where `wake` is called. */
export async function pause(ms: number, takeWake?: (wake: () => void) => void): Promise<void> {
  await attempt(() => within(ms, () => new Promise<void>((resolve) => takeWake?.(resolve))));
}

/** Drops what came first, until no more than `most` are kept. */
export function dropOldest(kept: Set<string> | Map<string, unknown>, most: number): void {
  for (const oldest of kept.keys()) {
    if (kept.size <= most) return;
    kept.delete(oldest);
  }
}
