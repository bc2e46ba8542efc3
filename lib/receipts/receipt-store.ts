import type { RtcReceiptEvent } from '../diagnostics/rtc-event.js';
import type { ReceiptSettings } from './receipt-options.js';

/** What became of a receipt. If it counts: how many users of the message are still awaited, too. */
export type TakenReceipt = Pick<RtcReceiptEvent, 'status' | 'delayMs'> & { readonly left?: number };

/** Knows whose receipts are awaited. What it does for one message is in order. */
export type ReceiptStore = Pick<MemoryReceiptStore, keyof MemoryReceiptStore>;

/** Users who have confirmed that are remembered, in multiples of those that may be awaited. */
const CONFIRMED_PER_AWAITED = 2;

class Message {
  /** Users who are awaited, and since when. */
  readonly awaited = new Map<string, number>();
  readonly confirmed = new Set<string>();
  endsAt = 0;
  end: NodeJS.Timeout | undefined;
}

/** Whose receipts are awaited, in this process. */
export class MemoryReceiptStore {
  readonly #messages = new Map<string, Message>();
  /** The last receipts that counted. A new one takes the place of the oldest. */
  readonly #taken: (readonly [messageId: string, userId: string])[] = [];
  #counted = 0;
  #awaited = 0;

  constructor(readonly limits: Pick<ReceiptSettings, 'maxAwaited' | 'awaitMs'>) {}

  /**
   * Awaits receipts of users who have not confirmed the message, for `awaitMs` from now on, also if it did before.
   * @returns false if so many more can't be awaited
   * @throws at once if nothing was done, rather than by the promise
   */
  async expect(messageId: string, userIds: readonly string[]): Promise<boolean> {
    const message = this.#messages.get(messageId) ?? new Message();
    const users = userIds.filter((userId) => !message.confirmed.has(userId));
    const added = users.filter((userId) => !message.awaited.has(userId)).length;
    if (this.#awaited + added > this.limits.maxAwaited) return false;
    this.#awaited += added;
    for (const userId of users) message.awaited.set(userId, performance.now());
    message.endsAt = performance.now() + this.limits.awaitMs;
    clearTimeout(message.end);
    message.end = setTimeout(() => this.#forget(messageId, message), this.limits.awaitMs).unref();
    this.#messages.set(messageId, message);
    return true;
  }

  /** Awaits receipts of users no longer. It comes after what was asked before. */
  async withdraw(messageId: string, userIds: readonly string[]): Promise<void> {
    const message = this.#messages.get(messageId) ?? new Message();
    for (const userId of userIds) if (message.awaited.delete(userId)) this.#awaited -= 1;
    if (message.awaited.size + message.confirmed.size === 0) this.#forget(messageId, message);
  }

  /** Takes the receipt of one user. */
  async confirm(messageId: string, userId: string): Promise<TakenReceipt> {
    const { awaited, confirmed } = this.#messages.get(messageId) ?? new Message();
    const since = awaited.get(userId);
    if (since === undefined) return { status: confirmed.has(userId) ? 'repeated' : 'not_awaited' };
    awaited.delete(userId);
    this.#awaited -= 1;
    confirmed.add(userId);
    const place = this.#counted++ % (CONFIRMED_PER_AWAITED * this.limits.maxAwaited);
    const [oldest = '', itsUser = ''] = this.#taken[place] ?? [];
    this.#taken[place] = [messageId, userId];
    this.#messages.get(oldest)?.confirmed.delete(itsUser);
    void this.withdraw(oldest, []);
    return { status: 'confirmed', delayMs: Math.round(performance.now() - since), left: awaited.size };
  }

  /** @returns how many users are awaited in all, and of each message */
  async look(messageIds: readonly string[]): Promise<number[]> {
    return [this.#awaited, ...messageIds.map((id) => this.#messages.get(id)?.awaited.size ?? 0)];
  }

  /** Whose receipts of a message came and are awaited, and for how long that is known. */
  async status(messageId: string) {
    const { confirmed, awaited, endsAt } = this.#messages.get(messageId) ?? new Message();
    return { confirmed: [...confirmed], awaited: [...awaited.keys()], leftMs: endsAt - performance.now() };
  }

  #forget(messageId: string, message: Message): void {
    clearTimeout(message.end);
    this.#awaited -= message.awaited.size;
    this.#messages.delete(messageId);
  }
}
