import type { RtcReceiptEvent } from '../diagnostics/rtc-event.js';
import type { TrackedRequest } from '../services/receipt-tracker.js';
import type { ReceiptSettings } from './receipt-options.js';

/** Who has a message, as far as receipts say. Each user to whom a request of it has left is in one of the lists. */
export interface ReceiptStatus {
  /** Users whose app has received it. */
  readonly confirmed: readonly string[];
  /** Users who were sent to, or may have been, and have not confirmed it. */
  readonly awaited: readonly string[];
  /** Users who were certainly not sent to: the service refused the message. */
  readonly notSent: readonly string[];
  /** From when on nothing more is known of it. */
  readonly until: Date;
}

/** Milliseconds since it was awaited, or why it does not count. */
export type TakenReceipt = number | Exclude<RtcReceiptEvent['status'], 'confirmed'>;

/** Knows whose receipts are awaited. Nothing but time, and room for others, takes a recipient out. */
export interface ReceiptStore {
  /** @returns false if that would be too many; then none of them is awaited */
  expect(request: TrackedRequest, limitMs: number): Promise<boolean>;
  hasRoomFor(recipients: number): Promise<boolean>;
  withdraw(request: TrackedRequest): Promise<void>;
  /** Takes a user's receipts, in their order. */
  confirm(userId: string, messageIds: readonly string[]): Promise<TakenReceipt[]>;
  /** @returns how many have not confirmed a message; undefined if nothing is known of it */
  countAwaited(messageId: string): Promise<number | undefined>;
  status(messageId: string): Promise<ReceiptStatus | undefined>;
}

/** Recipients that are kept, whatever became of them, in multiples of those that may be awaited. */
export const KEPT_PER_AWAITED = 3;
/** Stands for the number of a recipient's requests. */
const CONFIRMED = -1;

interface Recipient {
  /** Since when, on this process's own clock. */
  since: number;
  /** Requests that were accepted, or may be. With 0, none was. Or {@link CONFIRMED}. */
  requests: number;
}

interface Message {
  readonly users: Map<string, Recipient>;
  awaited: number;
  until: number;
}

/** In this process. */
export class MemoryReceiptStore implements ReceiptStore {
  /** Those that end first come first. */
  readonly #messages = new Map<string, Message>();
  #awaited = 0;
  #kept = 0;

  /** @param now milliseconds since any moment, which nobody sets back */
  constructor(
    private readonly settings: Pick<ReceiptSettings, 'maxAwaited' | 'awaitMs'>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  async expect({ messageId, userIds }: Omit<TrackedRequest, 'request'>): Promise<boolean> {
    const { maxAwaited, awaitMs } = this.settings;
    const now = this.now();
    this.#forget(({ until }) => until <= now);
    const message = this.#messages.get(messageId) ?? {
      users: new Map<string, Recipient>(),
      awaited: 0,
      until: 0,
    };
    const requests = userIds.map((userId) => message.users.get(userId)?.requests);
    const awaited = requests.filter((count = 0) => count === 0).length;
    const added = requests.filter((count) => count === undefined).length;
    if (this.#awaited + awaited > maxAwaited) return false;
    this.#messages.delete(messageId);
    this.#forget(() => this.#kept + added > KEPT_PER_AWAITED * maxAwaited);
    for (const userId of userIds) {
      const { since, requests: others } = message.users.get(userId) ?? { since: now, requests: 0 };
      if (others === CONFIRMED) continue;
      message.users.set(userId, { since: others === 0 ? now : since, requests: others + 1 });
    }
    this.#count(message, awaited, added);
    message.until = now + awaitMs;
    this.#messages.set(messageId, message);
    return true;
  }

  async hasRoomFor(recipients: number): Promise<boolean> {
    this.#forget(({ until }) => until <= this.now());
    return this.#awaited + recipients <= this.settings.maxAwaited;
  }

  async withdraw({ messageId, userIds }: Omit<TrackedRequest, 'request'>): Promise<void> {
    const message = this.#messages.get(messageId);
    for (const userId of userIds) {
      const recipient = message?.users.get(userId);
      if (message === undefined || recipient === undefined || recipient.requests <= 0) continue;
      recipient.requests -= 1;
      if (recipient.requests === 0) this.#count(message, -1, 0);
    }
  }

  async confirm(userId: string, messageIds: readonly string[]): Promise<TakenReceipt[]> {
    return messageIds.map((messageId) => this.#confirm(messageId, userId));
  }

  #confirm(messageId: string, userId: string): TakenReceipt {
    const message = this.#find(messageId);
    const recipient = message?.users.get(userId);
    if (message === undefined) return 'unknown_message';
    if (recipient === undefined || recipient.requests === 0) return 'not_addressed';
    if (recipient.requests === CONFIRMED) return 'repeated';
    recipient.requests = CONFIRMED;
    this.#count(message, -1, 0);
    return Math.round(this.now() - recipient.since);
  }

  async countAwaited(messageId: string): Promise<number | undefined> {
    return this.#find(messageId)?.awaited;
  }

  async status(messageId: string): Promise<ReceiptStatus | undefined> {
    const message = this.#find(messageId);
    if (message === undefined) return undefined;
    const users = Array.from(message.users, ([userId, { requests }]) => [userId, requests] as const);
    return toStatus(users, Date.now() + message.until - this.now());
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

/** @param users with the numbers of their requests */
export function toStatus(
  users: Iterable<readonly [userId: string, requests: number]>,
  until: number,
): ReceiptStatus {
  const [confirmed, awaited, notSent]: [string[], string[], string[]] = [[], [], []];
  for (const [userId, requests] of users)
    (requests === CONFIRMED ? confirmed : requests === 0 ? notSent : awaited).push(userId);
  return { confirmed, awaited, notSent, until: new Date(until) };
}
