import { tokenOf } from '../config/named-tokens.js';

/** Awaits receipts. The module of `./receipts` provides it. */
export interface ReceiptTracker {
  /** How many recipients may be awaited at once. */
  readonly limits: { readonly maxAwaited: number };
  /**
   * Awaits receipts of users who have not confirmed the message, from now on, also if it did before.
   * @returns false if so many more can't be awaited
   * @throws RtcNetworkError at once, rather than by the promise, if nothing was done
   */
  expect(messageId: string, userIds: readonly string[]): Promise<boolean>;
  /** Awaits receipts of users no longer. It comes after what was asked before. */
  withdraw(messageId: string, userIds: readonly string[]): Promise<unknown>;
  /** @returns how many users are awaited in all, and of each message */
  look(messageIds: readonly string[]): Promise<readonly number[]>;
}

/** The injection token of what awaits the receipts of the module with this `name`, if anything does. */
export const getReceiptTrackerToken = tokenOf<ReceiptTracker>(
  'nestjs-rtc-messaging:receipt-tracker',
  'receipt-tracker',
);
