import type { Priority } from '../quota/permit.js';

/** How patient a call is. */
export interface CallPolicy {
  /** Of its requests, in the queue for the quota. */
  readonly priority: Priority;
  /**
   * Whether retries that can't send twice go on until the deadline. If not, they end with `maxAttempts` and draw on
   * the retry budget, as all do that may send twice.
   */
  readonly retriesUntilDeadline: boolean;
  /** Whether the wait for the quota is part of the deadline. */
  readonly deadlineIncludesQuotaWait: boolean;
  /** Whether a throttled request is sent again. If not, the call ends: whoever made it may have to split it. */
  readonly retriesThrottled: boolean;
}

/** A send that somebody waits for. */
export const SINGLE_SEND: CallPolicy = {
  priority: 'single',
  retriesUntilDeadline: false,
  deadlineIncludesQuotaWait: true,
  retriesThrottled: true,
};

/** A chunk of a fan-out. What it waits for the quota is bounded by the fan-out, and says nothing of the service. */
export const FAN_OUT_CHUNK: CallPolicy = {
  priority: 'bulk',
  retriesUntilDeadline: true,
  deadlineIncludesQuotaWait: false,
  retriesThrottled: false,
};
