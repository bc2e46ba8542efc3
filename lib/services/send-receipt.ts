import type { Attempt } from '../errors/attempt.js';
import type { RtcActionName } from '../openapi/rtc-action.js';

/**
 * The service accepted the message. That is not delivery: users who are not in the room receive nothing, and
 * no answer says so.
 */
export interface SendReceipt {
  /** Always `accepted`: anything else is thrown. */
  readonly outcome: 'accepted';
  /** What was called. */
  readonly action: RtcActionName;
  /** The vendor's ID of the request. */
  readonly requestId: string;
  /** How many different users were addressed; 0 for a broadcast, which names none. */
  readonly recipients: number;
  /** Every HTTP attempt, oldest first. */
  readonly attempts: readonly Attempt[];
  /** True when an attempt before the accepted one may have been accepted too (only with `onUnknown: 'resend'`). */
  readonly possibleDuplicate: boolean;
}
