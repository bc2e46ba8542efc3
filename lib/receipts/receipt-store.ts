import type { RtcReceiptEvent } from '../diagnostics/rtc-event.js';
import type { ReceiptSettings } from './receipt-options.js';

/** Who has a message, as far as receipts say. */
export interface ReceiptStatus {
  /** Users whose app has received it. */
  readonly confirmed: readonly string[];
  /** Users who were sent to, or may have been, and have not confirmed it. */
  readonly awaited: readonly string[];
  /** From when on nothing more is known of it. */
  readonly until: Date;
}

/** Milliseconds since it was awaited, or why it does not count. */
export type TakenReceipt = number | Exclude<RtcReceiptEvent['status'], 'confirmed'>;

/** Knows whose receipts are awaited. */
export interface ReceiptStore {
  /** @returns false if that would be too many; then none of them is awaited */
  expect(messageId: string, userIds: readonly string[]): Promise<boolean>;
  withdraw(messageId: string, userIds: readonly string[]): Promise<void>;
  /** Takes a user's receipts, in their order. */
  confirm(userId: string, messageIds: readonly string[]): Promise<TakenReceipt[]>;
  status(messageId: string): Promise<ReceiptStatus | undefined>;
}

/** Recipients that are kept, confirmed ones included, in multiples of those that may be awaited. */
export const KEPT_PER_AWAITED = 3;
const CONFIRMED = -1;

interface Message {
  /** Since when each user is awaited, or {@link CONFIRMED}. */
  readonly users: Map<string, number>;
  awaited: number;
  until: number;
}

/** In this process. */
export class MemoryReceiptStore implements ReceiptStore {
  /** Those that end first come first. */
  readonly #messages = new Map<string, Message>();
  #awaited = 0;
  #kept = 0;

  /** @param now milliseconds since the epoch */
  constructor(
    private readonly settings: Pick<ReceiptSettings, 'maxAwaited' | 'awaitMs'>,
    private readonly now: () => number = Date.now,
  ) {}

  async expect(messageId: string, userIds: readonly string[]): Promise<boolean> {
    const { maxAwaited, awaitMs } = this.settings;
    const now = this.now();
    this.#forget(({ until }) => until <= now);
    const message = this.#messages.get(messageId) ?? { users: new Map(), awaited: 0, until: 0 };
    const added = userIds.filter((userId) => !message.users.has(userId));
    if (this.#awaited + added.length > maxAwaited) return false;
    this.#messages.delete(messageId);
    this.#forget(() => this.#kept + added.length > KEPT_PER_AWAITED * maxAwaited);
    for (const userId of added) message.users.set(userId, now);
    this.#count(message, added.length, added.length);
    message.until = now + awaitMs;
    this.#messages.set(messageId, message);
    return true;
  }

  async withdraw(messageId: string, userIds: readonly string[]): Promise<void> {
    const message = this.#messages.get(messageId);
    for (const userId of userIds) {
      if ((message?.users.get(userId) ?? CONFIRMED) === CONFIRMED || message === undefined) continue;
      message.users.delete(userId);
      this.#count(message, -1, -1);
    }
  }

  async confirm(userId: string, messageIds: readonly string[]): Promise<TakenReceipt[]> {
    return messageIds.map((messageId) => this.#confirm(messageId, userId));
  }

  #confirm(messageId: string, userId: string): TakenReceipt {
    const message = this.#find(messageId);
    const since = message?.users.get(userId);
    if (message === undefined) return 'unknown_message';
    if (since === undefined) return 'not_addressed';
    if (since === CONFIRMED) return 'repeated';
    message.users.set(userId, CONFIRMED);
    this.#count(message, -1, 0);
    return this.now() - since;
  }

  async status(messageId: string): Promise<ReceiptStatus | undefined> {
    const message = this.#find(messageId);
    return message && toStatus(message.users, (since) => since === CONFIRMED, message.until);
  }

  #find(messageId: string): Message | undefined {
    const message = this.#messages.get(messageId);
    return message !== undefined && message.until > this.now() ? message : undefined;
  }

  /** The oldest, as long as it is so. */
  #forget(isSo: (message: Message) => boolean): void {
    for (const [id, message] of this.#messages) {
      if (!isSo(message)) return;
      this.#messages.delete(id);
      this.#count(message, -message.awaited, -message.users.size);
    }
  }

  #count(message: Message, awaited: number, kept: number): void {
    message.awaited += awaited;
    this.#awaited += awaited;
    this.#kept += kept;
  }
}

export function toStatus<T>(
  users: Iterable<readonly [userId: string, value: T]>,
  isConfirmed: (value: T) => boolean,
  until: number,
): ReceiptStatus {
  const confirmed: string[] = [];
  const awaited: string[] = [];
  for (const [userId, value] of users) (isConfirmed(value) ? confirmed : awaited).push(userId);
  return { confirmed, awaited, until: new Date(until) };
}
