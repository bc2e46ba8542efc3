/** Who has a message, as far as receipts say. Whoever is in neither list was not sent to, or is no longer known. */
export interface ReceiptStatus {
  /** Users whose app has received it. */
  readonly confirmed: readonly string[];
  /** Users who were sent to, or may have been, and have not confirmed it. */
  readonly awaited: readonly string[];
  /** From when on nothing more is known of it. */
  readonly until: Date;
}

/** One request of a message, whose recipients are to confirm it. */
export interface TrackedRequest {
  readonly messageId: string;
  /** `/`, some letters and digits that no other request has, and a space, so that names can stand in a row. */
  readonly name: string;
  /** All different. */
  readonly userIds: readonly string[];
}

/** Knows whose receipts are awaited. What it does for one message is in order. */
export interface ReceiptStore {
  /**
   * Awaits receipts of a request, for `awaitMs` from now on. The same request may come again.
   * @returns false if so many more can't be awaited
   */
  expect(request: TrackedRequest): Promise<boolean>;
  /** Awaits receipts of a request no longer, except from those who have another request of the message. */
  withdraw(request: TrackedRequest): Promise<void>;
  /** @returns milliseconds since the request left, or why the receipt does not count */
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
