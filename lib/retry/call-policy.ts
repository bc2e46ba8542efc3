import type { Priority } from '../quota/permit-pool.js';

/** How long a call retries and waits. */
export interface CallPolicy {
  /** Priority in the queue for permits. */
  readonly priority: Priority;
  /**
   * Whether safe retries go on until the deadline. Otherwise they end after `maxAttempts` and use the retry budget.
   * Retries that may send twice always do.
   */
  readonly retriesUntilDeadline: boolean;
  /** Whether the wait for the quota counts toward the deadline. */
  readonly deadlineIncludesQuotaWait: boolean;
  /** Whether a throttled request is sent again. Otherwise the call ends, and its caller may split the chunk. */
  readonly retriesThrottled: boolean;
}

/** A single send, which a caller waits for. */
export const SINGLE_SEND: CallPolicy = {
  priority: 'single',
  retriesUntilDeadline: false,
  deadlineIncludesQuotaWait: true,
  retriesThrottled: true,
};

/** A chunk of a fan-out. The fan-out bounds the wait for the quota. */
export const FAN_OUT_CHUNK: CallPolicy = {
  priority: 'bulk',
  retriesUntilDeadline: true,
  deadlineIncludesQuotaWait: false,
  retriesThrottled: false,
};
