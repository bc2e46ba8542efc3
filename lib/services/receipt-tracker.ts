import { tokenOf } from '../config/named-tokens.js';

/** One request of a message, whose recipients are to confirm it. */
export interface TrackedRequest {
  readonly messageId: string;
  /** Tells it from other requests of the message, which may have some recipients in common. */
  readonly request: string;
  /** All different. */
  readonly userIds: readonly string[];
}

/** Who waits for receipts. The module of `./receipts` provides it. */
export interface ReceiptTracker {
  /** @throws RtcQuotaError when receipts of so many recipients can't be awaited now */
  checkRoomFor(recipients: number): Promise<void>;
  /**
   * Waits for receipts of a request's recipients from now on.
   * @throws an RtcMessagingError when it can't; then nothing may be sent
   */
  expect(request: TrackedRequest, limitMs: number): Promise<void>;
  /** The request was certainly not accepted. Who gets the message by no other one is awaited no longer. */
  withdraw(request: TrackedRequest): void;
}

/** The injection token of what waits for the receipts of the module with this `name`, if anything does. */
export const getReceiptTrackerToken = tokenOf<ReceiptTracker>(
  'nestjs-rtc-messaging:receipt-tracker',
  'receipt-tracker',
);

/** The injection token of the same within the module that sends. */
export const RECEIPT_TRACKER = 'nestjs-rtc-messaging:own-receipt-tracker';
