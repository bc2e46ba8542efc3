/** Whatever answers may ask for patience, but not for any amount of it. */
export const MAX_RETRY_AFTER_MS = 30_000;

/**
 * Reads `Retry-After`, seconds or a date, as milliseconds from now, at most {@link MAX_RETRY_AFTER_MS}.
 * @param date the same answer's `Date`, since the two are of one clock
 * @returns 0 when there is none, or none that can be read
 */
export function retryAfterMs(retryAfter: string | undefined, date: string | undefined, now: number): number {
  if (retryAfter === undefined) return 0;
  const text = retryAfter.trim();
  const sent = Date.parse(date ?? '');
  const wait = /^\d+$/.test(text)
    ? Number(text) * 1_000
    : Date.parse(text) - (Number.isNaN(sent) ? now : sent);
  return Number.isNaN(wait) ? 0 : Math.min(Math.max(0, wait), MAX_RETRY_AFTER_MS);
}
