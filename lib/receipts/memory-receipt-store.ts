import {
  type AwaitedMessage,
  CONFIRMED,
  type LookedAt,
  NOT_SENT,
  type ReceiptStatus,
  ReceiptStore,
  type TakenReceipt,
  toStatus,
  type TrackedRequest,
} from './receipt-store.js';

/** Recipients who are done that are remembered, in multiples of those that may be awaited. */
const DONE_PER_AWAITED = 2;

interface Message extends AwaitedMessage {
  /** See {@link toStatus}. Users of the same requests share their text. */
  readonly users: Map<string, string>;
  /** When each request last left. */
  readonly left: Map<string, number>;
  isComplete: boolean;
}

/** In this process. */
export class MemoryReceiptStore extends ReceiptStore<Message> {
  /** Messages with recipients who are done, in the order in which the first of them was. */
  readonly #withDone = new Set<Message>();
  /** Recipients, whatever became of them. */
  #known = 0;

  async expect({ message: { messageId: id, isBegun }, name, userIds, room }: TrackedRequest): Promise<void> {
    const message = this.find(id) ?? {
      id,
      users: new Map<string, string>(),
      left: new Map<string, number>(),
      awaited: 0,
      until: 0,
      isComplete: !isBegun,
    };
    this.keep(message);
    const [isKnown, before] = [message.left.has(name), message.awaited];
    message.left.set(name, this.now());
    this.#known -= message.users.size;
    for (const userId of isKnown ? [] : userIds) {
      const others = message.users.get(userId) ?? NOT_SENT;
      if (others === NOT_SENT) this.count(message, message.awaited + 1);
      if (others !== CONFIRMED) message.users.set(userId, others === NOT_SENT ? name : others + name);
    }
    this.#known += message.users.size;
    room.use(message.awaited - before);
  }

  async withdraw({
    message: { messageId },
    name,
    userIds,
    room,
  }: TrackedRequest): Promise<number | undefined> {
    const message = this.find(messageId);
    if (message?.left.delete(name) !== true) return message?.awaited;
    const before = message.awaited;
    for (const userId of userIds) {
      const all = message.users.get(userId);
      if (all === undefined || all === CONFIRMED) continue;
      const others = all.replace(name, '');
      message.users.set(userId, others);
      if (others === NOT_SENT) this.#end(message);
    }
    room.use(message.awaited - before);
    return message.awaited;
  }

  async confirm(userId: string, messageId: string): Promise<TakenReceipt> {
    const message = this.find(messageId);
    const state = message?.users.get(userId) ?? NOT_SENT;
    if (message === undefined || (state === NOT_SENT && !message.isComplete)) return ['unknown_message'];
    if (state === CONFIRMED) return ['repeated'];
    const since = message.left.get(/[^ ]+ $/.exec(state)?.[0] ?? '');
    if (since === undefined) return ['not_addressed'];
    message.users.set(userId, CONFIRMED);
    this.#end(message);
    return [Math.round(this.now() - since), message.awaited];
  }

  async look(messageId: string): Promise<LookedAt | undefined> {
    const message = this.find(messageId);
    return message && { awaited: message.awaited, againMs: message.until - this.now() };
  }

  async status(messageId: string): Promise<ReceiptStatus | undefined> {
    const message = this.find(messageId);
    return message && toStatus(message.users, message.isComplete, message.until - this.now());
  }

  protected override forget(message: Message): void {
    super.forget(message);
    this.#known -= message.users.size;
    this.#withDone.delete(message);
  }

  /** A recipient is done. Of too many, those of the messages where that began first are forgotten. */
  #end(message: Message): void {
    this.count(message, message.awaited - 1);
    this.#withDone.add(message);
    for (const oldest of this.#withDone) {
      if (this.#known - this.awaited <= DONE_PER_AWAITED * this.settings.maxAwaited) return;
      this.#withDone.delete(oldest);
      for (const [userId, state] of oldest.users) {
        if (state !== CONFIRMED && state !== NOT_SENT) continue;
        oldest.users.delete(userId);
        this.#known -= 1;
      }
      oldest.isComplete = false;
      if (oldest.users.size === 0) this.forget(oldest);
    }
  }
}
