import type { ReceiptSettings } from './receipt-options.js';
import { type ReceiptStore, toStatus, type TrackedRequest } from './receipt-store.js';

/** Users who have confirmed that are remembered, in multiples of those that may be awaited. */
const CONFIRMED_PER_AWAITED = 2;

interface Message {
  readonly id: string;
  /** Users who are awaited, each with the requests to them. Users of the same request share their list. */
  readonly users: Map<string, readonly TrackedRequest[]>;
  readonly confirmed: Set<string>;
  /** When each request last left. */
  readonly left: Map<TrackedRequest, number>;
  until: number;
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

  async expect(request: TrackedRequest): Promise<boolean> {
    const { messageId: id, userIds } = request;
    const now = performance.now();
    const message = this.#find(id) ?? {
      id,
      users: new Map<string, readonly TrackedRequest[]>(),
      confirmed: new Set<string>(),
      left: new Map<TrackedRequest, number>(),
      until: 0,
    };
    if (!message.left.has(request)) {
      const users = userIds.filter((userId) => !message.confirmed.has(userId));
      const added = users.filter((userId) => !message.users.has(userId)).length;
      if (this.#awaited + added > this.settings.maxAwaited) return false;
      this.#awaited += added;
      const own = [request];
      for (const userId of users) message.users.set(userId, message.users.get(userId)?.concat(own) ?? own);
    }
    message.left.set(request, now);
    message.until = now + this.settings.awaitMs;
    this.#messages.delete(id);
    this.#messages.set(id, message);
    return true;
  }

  async withdraw(request: TrackedRequest): Promise<void> {
    const message = this.#find(request.messageId);
    if (message?.left.delete(request) !== true) return;
    for (const userId of request.userIds) {
      const others = message.users.get(userId)?.filter((other) => other !== request);
      if (others?.length) message.users.set(userId, others);
      else if (message.users.delete(userId)) this.#awaited -= 1;
    }
    if (message.users.size + message.confirmed.size === 0) this.#messages.delete(message.id);
  }

  async confirm(userId: string, messageId: string): Promise<number | 'repeated' | 'not_awaited'> {
    const message = this.#find(messageId);
    if (message?.confirmed.has(userId)) return 'repeated';
    const request = message?.users.get(userId)?.at(-1);
    if (message === undefined || request === undefined) return 'not_awaited';
    message.users.delete(userId);
    this.#awaited -= 1;
    message.confirmed.add(userId);
    this.#withConfirmed.add(message);
    this.#confirmed += 1;
    for (const oldest of this.#withConfirmed) {
      if (this.#confirmed <= CONFIRMED_PER_AWAITED * this.settings.maxAwaited) break;
      this.#forgetConfirmed(oldest);
      if (oldest.users.size === 0) this.#messages.delete(oldest.id);
    }
    return Math.round(performance.now() - (message.left.get(request) ?? 0));
  }

  async awaited(messageId?: string): Promise<number> {
    const message = this.#find(messageId ?? '');
    return messageId === undefined ? this.#awaited : (message?.users.size ?? 0);
  }

  async status(messageId: string) {
    const message = this.#find(messageId);
    if (message === undefined) return undefined;
    return toStatus([...message.confirmed], [...message.users.keys()], message.until - performance.now());
  }

  /** Of those whose time is not over. */
  #find(id: string): Message | undefined {
    for (const message of this.#messages.values()) {
      if (message.until > performance.now()) break;
      this.#messages.delete(message.id);
      this.#awaited -= message.users.size;
      this.#forgetConfirmed(message);
    }
    return this.#messages.get(id);
  }

  #forgetConfirmed(message: Message): void {
    this.#withConfirmed.delete(message);
    this.#confirmed -= message.confirmed.size;
    message.confirmed.clear();
  }
}
