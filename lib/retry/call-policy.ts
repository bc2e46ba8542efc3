import type { RtcFanOutInfo } from '../diagnostics/rtc-event.js';
import type { Priority } from '../quota/permit-pool.js';
import type { Cancellation } from '../waiting/cancellation.js';

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

/** Unknown outcomes: report them, or send again at the risk of sending twice. */
export type OnUnknown = 'report' | 'resend';

/**
 * The options of one call, with defaults. Times are in milliseconds. All members are required, so that none is inherited
 * from a changed prototype.
 */
export interface CallPlan {
  /** Time limit of each attempt. */
  readonly timeoutMs: number;
  /** Time limit of the call as a whole. */
  readonly deadlineMs: number;
  readonly maxAttempts: number;
  readonly onUnknown: OnUnknown;
  readonly policy: CallPolicy;
  /** The room of the message. */
  readonly roomId: string | undefined;
  /** Aborts the call at any moment. */
  readonly signal: AbortSignal | undefined;
  /** Aborts the call between attempts. An attempt in flight may finish. */
  readonly stop: Cancellation | undefined;
  /** The fan-out that the call belongs to. */
  readonly fanOut: RtcFanOutInfo | undefined;
  /**
   * Called once, before the call takes a permit. The call ends as if it were stopped unless this resolves to true, and
   * with the RtcMessagingError that it may reject with.
   */
  readonly beforeCall: (() => Promise<boolean>) | undefined;
  /**
   * Called before each attempt, when it has its permit and before any byte is sent. The call ends as if it were stopped
   * unless this resolves to true. The durable queue uses it to record the in-flight state.
   */
  readonly beforeSend: (() => Promise<boolean>) | undefined;
}
