/**
 * Full jitter: a random wait from 0 to this limit, which doubles with each retry, so that clients don't return all at
 * once.
 */
const BASE_MS = 200;
/**
 * Limit after throttling. The service counts its quota by the second, so a shorter wait would only be refused again.
 */
const THROTTLED_BASE_MS = 1_000;
const CAP_MS = 5_000;

/**
 * How long to wait before sending again, in milliseconds.
 * @param retries number of retries before this one
 * @param random from 0 to below 1
 */
export function backoffMs(retries: number, throttled: boolean, random: () => number): number {
  const ceiling = Math.min(CAP_MS, (throttled ? THROTTLED_BASE_MS : BASE_MS) * 2 ** retries);
  return Math.round(random() * ceiling);
}

/** Longest `Retry-After` that is respected, in milliseconds. */
export const MAX_RETRY_AFTER_MS = 30_000;

/**
 * Reads `Retry-After` (seconds or a date) as milliseconds from now, at most {@link MAX_RETRY_AFTER_MS}.
 * @param date the `Date` of the same answer, which is of the same clock
 * @returns 0 if the header is missing or can't be read
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
