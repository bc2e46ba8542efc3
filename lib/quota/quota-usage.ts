/** This process's use of the quota, and its queues. */
export interface QuotaUsage {
  /** Number of single sends that wait for a permit. */
  readonly queued: number;
  /** Largest number of single sends that may wait. */
  readonly maxQueue: number;
  /** Estimated wait of a single send that is made now, in milliseconds. */
  readonly waitMs: number;
  /** Number of fan-out requests that wait for a permit. */
  readonly queuedBulk: number;
  /** Permits a second over the last second, to one decimal. With `costPer: 'recipient'`, each recipient takes one. */
  readonly permitsPerSecond: number;
  /** Permits a second that this process may use: the configured limit without `reserve`. */
  readonly limit: number;
  /** Permits a second that the service was found to accept. It is below `limit` only after the service refused. */
  readonly allowed: number;
  /** Largest number of recipients in a request. Present only if the service was found to refuse larger requests. */
  readonly chunkSize?: number;
  /** What takes a permit, as configured. */
  readonly costPer: 'request' | 'recipient';
  /** Permits a second for each room. Absent if no such limit is set. */
  readonly roomMessagesPerSecond?: number;
}
