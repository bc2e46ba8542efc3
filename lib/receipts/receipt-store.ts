/** Who has a message, as far as receipts say. Whoever is in neither list was not sent to, or is no longer known. */
export interface ReceiptStatus {
  /** Users whose app has received it. */
  readonly confirmed: readonly string[];
  /** Users who were sent to, or may have been, and have not confirmed it. */
  readonly awaited: readonly string[];
  /** From when on nothing more is known of it. */
  readonly until: Date;
}

/** Knows whose receipts are awaited. What it does for one message is in order. */
export interface ReceiptStore {
  /**
   * Awaits receipts of users who have not confirmed the message, for `awaitMs` from now on, also if it did before.
   * @returns false if so many more can't be awaited
   */
  expect(messageId: string, userIds: readonly string[]): Promise<boolean>;
  /** Awaits receipts of users no longer. */
  withdraw(messageId: string, userIds: readonly string[]): Promise<void>;
  /** @returns milliseconds since it was awaited last, or why the receipt does not count */
  confirm(userId: string, messageId: string): Promise<number | 'repeated' | 'not_awaited'>;
  /** @returns how many users are awaited, of one message or in all */
  awaited(messageId?: string): Promise<number>;
  /** @returns undefined if nobody is known of the message */
  status(messageId: string): Promise<ReceiptStatus | undefined>;
}

/** @param leftMs for how long it is known */
export function toStatus(
  confirmed: readonly string[],
  awaited: readonly string[],
  leftMs: number,
): ReceiptStatus | undefined {
  if (confirmed.length + awaited.length === 0) return undefined;
  return { confirmed, awaited, until: new Date(Date.now() + leftMs) };
}
