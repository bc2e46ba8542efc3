import { tokenOf } from '../config/named-tokens.js';
import type { FanOutHost } from '../fan-out/chunk-sender.js';
import type { CallPlan } from '../retry/call-policy.js';

/** Room for the receipts of recipients whose requests are still to come. */
export interface Reservation {
  /** Gives back what was not used. */
  free(): void;
}

/** Who waits for receipts. The module of `./receipts` provides it. */
export interface ReceiptTracker {
  /** Tells where events go, and when the app begins to close. */
  attach(sender: Pick<FanOutHost, 'emit' | 'closing'>): void;
  /** @throws RtcQuotaError when receipts of so many recipients can't be awaited now */
  reserve(
    recipients: number,
    limits: { readonly deadlineMs?: number | undefined; readonly signal?: AbortSignal | undefined },
  ): Promise<Reservation>;
  /**
   * Sends a request while receipts of its recipients are awaited, from when its last attempt leaves. They are no longer
   * if it was certainly not accepted.
   * @param reserved room for them. Without it, a chunk of a fan-out waits for room, and any other request is refused.
   * @throws RtcQuotaError when there is no room, and whatever `send` throws. Nothing is sent while it is not known that
   * receipts are awaited.
   */
  track<T>(
    messageId: string,
    userIds: readonly string[],
    plan: CallPlan,
    send: (plan: CallPlan) => Promise<T>,
    reserved?: Reservation,
  ): Promise<T>;
}

/** The injection token of what waits for the receipts of the module with this `name`, if anything does. */
export const getReceiptTrackerToken = tokenOf<ReceiptTracker>(
  'nestjs-rtc-messaging:receipt-tracker',
  'receipt-tracker',
);

/** The injection token of the same within the module that sends. */
export const RECEIPT_TRACKER = 'nestjs-rtc-messaging:own-receipt-tracker';
