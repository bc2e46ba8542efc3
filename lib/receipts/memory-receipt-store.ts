import {
  type AwaitedMessage,
  type ReceiptStatus,
  ReceiptStore,
  type TakenReceipt,
  toStatus,
  type TrackedRequest,
} from './receipt-store.js';

/** Users who have confirmed that are remembered, in multiples of those that may be awaited. */
const CONFIRMED_PER_AWAITED = 2;

interface Message extends AwaitedMessage {
  /** Users who are awaited, each with the names of the requests to them. Users of the same requests share their text. */
  readonly users: Map<string, string>;
  readonly confirmed: Set<string>;
  /** When each request last left. */
  readonly left: Map<string, number>;
}

/** In this process. */
export class MemoryReceiptStore extends ReceiptStore<Message> {
  /** Messages that somebody has confirmed, in the order in which that began. */
  readonly #withConfirmed = new Set<Message>();
  #confirmed = 0;

  async expect({ messageId: id, name, userIds }: TrackedRequest): Promise<void> {
    const message = this.find(id) ?? {
      id,
      users: new Map<string, string>(),
      confirmed: new Set<string>(),
      left: new Map<string, number>(),
      awaited: 0,
      until: 0,
    };
    this.keep(message);
    if (!message.left.has(name))
      for (const userId of userIds)
        if (!message.confirmed.has(userId))
          message.users.set(userId, (message.users.get(userId) ?? '') + name);
    message.left.set(name, performance.now());
    this.count(message, message.users.size);
  }

  async withdraw({ messageId, name, userIds }: TrackedRequest): Promise<number | undefined> {
    const message = this.find(messageId);
    if (message?.left.delete(name) !== true) return message?.awaited;
    for (const userId of userIds) {
      const others = message.users.get(userId)?.replace(name, '');
      if (others) message.users.set(userId, others);
      else message.users.delete(userId);
    }
    this.#update(message);
    return message.awaited;
  }

  async confirm(userId: string, messageId: string): Promise<TakenReceipt> {
    const message = this.find(messageId);
    if (message?.confirmed.has(userId)) return ['repeated'];
    const last = /[^ ]+ $/.exec(message?.users.get(userId) ?? '')?.[0];
    if (message === undefined || last === undefined) return ['not_awaited'];
    const since = message.left.get(last) ?? performance.now();
    message.users.delete(userId);
    message.confirmed.add(userId);
    this.#withConfirmed.add(message);
    this.#confirmed += 1;
    this.#update(message);
    const { awaited } = message;
    for (const oldest of this.#withConfirmed) {
      if (this.#confirmed <= CONFIRMED_PER_AWAITED * this.settings.maxAwaited) break;
      this.#forgetConfirmed(oldest);
      this.#update(oldest);
    }
    return [Math.round(performance.now() - since), awaited];
  }

  async awaitedOf(messageId: string): Promise<number | undefined> {
    return this.find(messageId)?.awaited;
  }

  async status(messageId: string): Promise<ReceiptStatus | undefined> {
    const message = this.find(messageId);
    return (
      message &&
      toStatus([...message.confirmed], [...message.users.keys()], message.until - performance.now())
    );
  }

  protected override forget(message: Message): void {
    super.forget(message);
    this.#forgetConfirmed(message);
  }

  #forgetConfirmed(message: Message): void {
    this.#withConfirmed.delete(message);
    this.#confirmed -= message.confirmed.size;
    message.confirmed.clear();
  }

  #update(message: Message): void {
    this.count(message, message.users.size);
    if (message.users.size + message.confirmed.size === 0) this.forget(message);
  }
}
