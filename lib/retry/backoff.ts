/** Full jitter: anything from nothing to this, doubled with each retry, so that clients don't come back at once. */
const BASE_MS = 200;
/** The service counts its quota by the second: coming back sooner would only be refused again. */
const THROTTLED_BASE_MS = 1_000;
const CAP_MS = 5_000;

/**
 * How long to wait before sending again, in milliseconds.
 * @param retries how many there were before this one
 * @param random from 0 to below 1
 */
export function backoffMs(retries: number, throttled: boolean, random: () => number): number {
  const ceiling = Math.min(CAP_MS, (throttled ? THROTTLED_BASE_MS : BASE_MS) * 2 ** retries);
  return Math.round(random() * ceiling);
}

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
