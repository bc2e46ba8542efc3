/** The injection token of a {@link ReceiptTracker}: a string, since two copies of this package may be loaded. */
export const RECEIPT_TRACKER = 'nestjs-rtc-messaging:receipt-tracker';

/** Who waits for receipts. The module of `./receipts` provides it. */
export interface ReceiptTracker {
  /**
   * Waits for receipts of these users from now on.
   * @param module the name of the module that sends
   * @throws an RtcMessagingError when it can't; then nothing may be sent
   */
  expect(module: string, messageId: string, userIds: readonly string[]): Promise<void>;
  /** Waits no longer for those who were certainly not sent to. It must not reject. */
  withdraw(module: string, messageId: string, userIds: readonly string[]): Promise<void>;
}
