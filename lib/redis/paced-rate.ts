/** How many requests may leave at once after a pause, as a share of a second's. */
export const BURST_SHARE = 0.024;

/** What a schedule is made of. */
export interface Pace {
  readonly burst: number;
  /** Between slots, in milliseconds. */
  readonly intervalMs: number;
}

/**
 * The fastest pace at which a server never sees more than `limit` requests in any second.
 *
 * Requests leave one interval apart, up to `burst` ahead of that, and are delayed on their way by anything from
 * a least time to `jitterMs` more. Those that arrive within one second have left within `1 + jitter` seconds;
 * so there are at most `burst + floor((1 + jitter) / interval)` of them, and that is at most the limit if
 * `(1 + jitter) / interval < limit - burst + 1`.
 */
export function paceFor(limit: number, jitterMs: number): Pace {
  const burst = Math.max(1, Math.floor(limit * BURST_SHARE));
  // Strictly less: a whole interval must not fit once more.
  return { burst, intervalMs: ((1_000 + jitterMs) / (limit - burst + 1)) * (1 + 1e-9) };
}
