/** How much of the quota is used by this process, and how many wait for more of it. */
export interface QuotaUsage {
  /** Single sends that wait for their turn, */
  readonly queued: number;
  /** … how many of those may, */
  readonly maxQueue: number;
  /** … and how long one that came now would wait, in milliseconds, as far as is known. */
  readonly waitMs: number;
  /** Requests of fan-outs that wait for their turn. */
  readonly queuedBulk: number;
  /** Requests that left, a second, over the last second; to a tenth. */
  readonly requestsPerSecond: number;
  /** How many may, after what is left to other programs. */
  readonly limit: number;
}
