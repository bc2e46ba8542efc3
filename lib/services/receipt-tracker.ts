import { tokenOf } from '../config/named-tokens.js';

/** Who waits for receipts. The module of `./receipts` provides it. */
export interface ReceiptTracker {
  /**
   * Waits for receipts of these users from now on.
   * @throws an RtcMessagingError when it can't; then nothing may be sent
   */
  expect(messageId: string, userIds: readonly string[]): Promise<void>;
  /** Waits no longer for those who were certainly not sent to. It must not reject. */
  withdraw(messageId: string, userIds: readonly string[]): Promise<void>;
}

/** The injection token of what waits for the receipts of the module with this `name`, if anything does. */
export const getReceiptTrackerToken = tokenOf<ReceiptTracker>(
  'nestjs-rtc-messaging:receipt-tracker',
  'receipt-tracker',
);

/** The injection token of the same within the module that sends. */
export const RECEIPT_TRACKER = 'nestjs-rtc-messaging:own-receipt-tracker';
