import type { ReceiptSettings } from './receipt-options.js';
import { type ReceiptStore, toStatus } from './receipt-store.js';

/** Users who have confirmed that are remembered, in multiples of those that may be awaited. */
const CONFIRMED_PER_AWAITED = 2;

class Message {
  /** Users who are awaited, and since when. */
  readonly awaited = new Map<string, number>();
  readonly confirmed = new Set<string>();
  until = 0;

  constructor(readonly id: string) {}
}

/** In this process. */
export class MemoryReceiptStore implements ReceiptStore {
  /** Those that end first come first. */
  readonly #messages = new Map<string, Message>();
  /** Those that somebody has confirmed, in the order in which that began. */
  readonly #withConfirmed = new Set<Message>();
  #awaited = 0;
  #confirmed = 0;

  constructor(private readonly settings: Pick<ReceiptSettings, 'maxAwaited' | 'awaitMs'>) {}

  async expect(id: string, userIds: readonly string[]): Promise<boolean> {
    const now = performance.now();
    const message = this.#find(id) ?? new Message(id);
    const users = userIds.filter((userId) => !message.confirmed.has(userId));
    const added = users.filter((userId) => !message.awaited.has(userId)).length;
    if (this.#awaited + added > this.settings.maxAwaited) return false;
    this.#awaited += added;
    for (const userId of users) message.awaited.set(userId, now);
    message.until = now + this.settings.awaitMs;
    this.#messages.delete(id);
    this.#messages.set(id, message);
    return true;
  }

  async withdraw(id: string, userIds: readonly string[]): Promise<void> {
    const message = this.#find(id);
    if (message === undefined) return;
    for (const userId of userIds) if (message.awaited.delete(userId)) this.#awaited -= 1;
    if (message.confirmed.size === 0) this.#forgetConfirmed(message);
  }

  async confirm(userId: string, messageId: string): Promise<number | 'repeated' | 'not_awaited'> {
    const message = this.#find(messageId);
    if (message?.confirmed.has(userId)) return 'repeated';
    const since = message?.awaited.get(userId);
    if (message === undefined || since === undefined) return 'not_awaited';
    message.awaited.delete(userId);
    this.#awaited -= 1;
    message.confirmed.add(userId);
    this.#withConfirmed.add(message);
    this.#confirmed += 1;
    for (const oldest of this.#withConfirmed) {
      if (this.#confirmed <= CONFIRMED_PER_AWAITED * this.settings.maxAwaited) break;
      this.#forgetConfirmed(oldest);
    }
    return Math.round(performance.now() - since);
  }

  async awaited(messageId?: string): Promise<number> {
    const message = this.#find(messageId ?? '');
    return messageId === undefined ? this.#awaited : (message?.awaited.size ?? 0);
  }

  async status(messageId: string) {
    const message = this.#find(messageId);
    if (message === undefined) return undefined;
    return toStatus([...message.confirmed], [...message.awaited.keys()], message.until - performance.now());
  }

  /** Of those whose time is not over. */
  #find(id: string): Message | undefined {
    for (const message of this.#messages.values()) {
      if (message.until > performance.now()) break;
      this.#awaited -= message.awaited.size;
      message.awaited.clear();
      this.#forgetConfirmed(message);
    }
    return this.#messages.get(id);
  }

  /** And the message, if it awaits nobody. */
  #forgetConfirmed(message: Message): void {
    if (message.awaited.size === 0) this.#messages.delete(message.id);
    this.#withConfirmed.delete(message);
    this.#confirmed -= message.confirmed.size;
    message.confirmed.clear();
  }
}
