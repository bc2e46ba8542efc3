import { tokenOf } from '../config/named-tokens.js';
import type { CallPlan } from '../retry/call-policy.js';

/** Awaits receipts. The module of `./receipts` provides it. */
export interface ReceiptTracker {
  /** @throws RtcQuotaError when receipts of so many recipients can't be awaited now */
  requireRoom(recipients: number, limits: Partial<Pick<CallPlan, 'deadlineMs' | 'signal'>>): Promise<void>;
  /**
   * Sends a request while receipts of its recipients are awaited, from when its last attempt leaves. They are no longer
   * if it was certainly not accepted. A chunk of a fan-out waits for room, any other request is refused without.
   * @param userIds all different, and in no other request of the message that is under way or may have been accepted
   * @throws RtcQuotaError when there is no room, and whatever `send` throws. Nothing is sent while it is not known that
   * receipts are awaited.
   */
  track<T>(
    messageId: string,
    userIds: readonly string[],
    plan: CallPlan,
    send: (plan: CallPlan) => Promise<T>,
  ): Promise<T>;
}

/** The injection token of what awaits the receipts of the module with this `name`, if anything does. */
export const getReceiptTrackerToken = tokenOf<ReceiptTracker>(
  'nestjs-rtc-messaging:receipt-tracker',
  'receipt-tracker',
);

/** The injection token of the same within the module that sends. */
export const RECEIPT_TRACKER = 'nestjs-rtc-messaging:own-receipt-tracker';
