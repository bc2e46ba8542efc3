import type { Attempt } from '../errors/attempt.js';
import type { RtcActionName } from '../openapi/rtc-action.js';

/**
 * The service accepted the message. That does not mean delivery: users who are not in the room receive nothing, and no
 * answer says so.
 */
export interface SendReceipt {
  /** Always `accepted`. Every other outcome throws. */
  readonly outcome: 'accepted';
  /** The vendor's action. */
  readonly action: RtcActionName;
  /** The vendor's ID of the request. */
  readonly requestId: string;
  /** Number of different users that were addressed. 0 for a broadcast. */
  readonly recipients: number;
  /** Every HTTP attempt, oldest first. */
  readonly attempts: readonly Attempt[];
  /** True when an attempt before the accepted one may have been accepted too (only with `onUnknown: 'resend'`). */
  readonly possibleDuplicate: boolean;
}
