import type { Attempt } from '../errors/attempt.js';
import type { RtcActionName } from '../openapi/rtc-action.js';

/** The service accepted a message to everyone in a room. It does not say how many they are. */
export interface BroadcastReceipt {
  /** Always `accepted`. Every other outcome throws. */
  readonly outcome: 'accepted';
  /** The vendor's action. */
  readonly action: RtcActionName;
  /** The vendor's ID of the request. */
  readonly requestId: string;
  /** Every HTTP attempt, oldest first. */
  readonly attempts: readonly Attempt[];
  /** True when an attempt before the accepted one may have been accepted too (only with `onUnknown: 'resend'`). */
  readonly possibleDuplicate: boolean;
  /** With `receipt` or `once`: the ID under which receivers and `ReceiptService` know the message. */
  readonly messageId?: string;
}

/**
 * The service accepted the message. That is not delivery: users who are not in the room receive nothing, and
 * no answer says so.
 */
export interface SendReceipt extends BroadcastReceipt {
  /** How many different users were addressed. */
  readonly recipients: number;
}
