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
