/** How much of the quota is used by this process, and how many wait for more of it. */
export interface QuotaUsage {
  /** Single sends that wait for a permit, */
  readonly queued: number;
  /** … how many of those may, */
  readonly maxQueue: number;
  /** … and how long one that came now would wait, in milliseconds, as far as is known. */
  readonly waitMs: number;
  /** Requests of fan-outs that wait for a permit. */
  readonly queuedBulk: number;
  /** Requests that were let go, a second, over the last second; to a tenth. */
  readonly requestsPerSecond: number;
  /** Permits that they took: with `costPer: 'recipient'`, as many as they had recipients. */
  readonly permitsPerSecond: number;
  /** How many permits there are in a second, after what is left to other programs, … */
  readonly limit: number;
  /** … and how many the service has been found to accept: less than `limit` only after it refused. */
  readonly allowed: number;
  /** How many recipients a request has at most, where the service was found to refuse larger ones. */
  readonly chunkSize?: number;
  /** What a permit is for, as configured. */
  readonly costPer: 'request' | 'recipient';
  /** The limit of each room, if one is set. */
  readonly roomMessagesPerSecond?: number;
}
