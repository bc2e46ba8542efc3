import type { RtcReceiptEvent } from '../diagnostics/rtc-event.js';
import type { ReceiptSettings } from './receipt-options.js';

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
  /** When it was last said to leave, on this process's own clock. */
  since?: number;
}

/** Milliseconds since the request left, or why it does not count; and how many others are awaited now. */
export type TakenReceipt = readonly [
  taken: number | Exclude<RtcReceiptEvent['status'], 'confirmed'>,
  awaited?: number,
];

/** What this process counts of a message that it has sent. */
export interface AwaitedMessage {
  readonly id: string;
  awaited: number;
  until: number;
}

/**
 * Knows whose receipts are awaited, and how many recipients this process awaits. What it answers may come late; what it
 * does for one message is in order.
 */
export abstract class ReceiptStore<Message extends AwaitedMessage = AwaitedMessage> {
  /** Recipients whose requests are still to come, and have room. */
  reserved = 0;
  #awaited = 0;
  /** Those that end first come first. */
  readonly #messages = new Map<string, Message>();

  constructor(protected readonly settings: Pick<ReceiptSettings, 'maxAwaited' | 'awaitMs'>) {}

  /** Receipts of a request are awaited from now on. Each attempt says so again. */
  abstract expect(request: TrackedRequest): Promise<void>;
  /** Receipts of a request come no more. @returns how many users of the message are awaited now */
  abstract withdraw(request: TrackedRequest): Promise<number | undefined>;
  abstract confirm(userId: string, messageId: string): Promise<TakenReceipt>;
  /** @returns how many users are awaited; undefined if nothing is known of the message */
  abstract awaitedOf(messageId: string): Promise<number | undefined>;
  abstract status(messageId: string): Promise<ReceiptStatus | undefined>;

  /** Learns who has confirmed elsewhere. */
  async refresh(): Promise<void> {
    // Receipts come here alone.
  }

  hasRoomFor(recipients: number): boolean {
    this.#forgetEnded();
    return this.#awaited + this.reserved + recipients <= this.settings.maxAwaited;
  }

  protected get ids(): Iterator<string, undefined> {
    return this.#messages.keys();
  }

  protected find(id: string): Message | undefined {
    this.#forgetEnded();
    return this.#messages.get(id);
  }

  /** Keeps a message for its whole time, from now on. */
  protected keep(message: Message): void {
    this.#messages.delete(message.id);
    message.until = performance.now() + this.settings.awaitMs;
    this.#messages.set(message.id, message);
  }

  protected count(message: Message, awaited: number): void {
    this.#awaited += awaited - message.awaited;
    message.awaited = awaited;
  }

  protected forget(message: Message): void {
    this.#messages.delete(message.id);
    this.count(message, 0);
  }

  #forgetEnded(): void {
    for (const message of this.#messages.values()) {
      if (message.until > performance.now()) return;
      this.forget(message);
    }
  }
}

/** @returns undefined when nobody was sent to */
export function toStatus(
  confirmed: readonly string[],
  awaited: readonly string[],
  leftMs: number,
): ReceiptStatus | undefined {
  if (confirmed.length + awaited.length === 0) return undefined;
  return { confirmed, awaited, until: new Date(Date.now() + leftMs) };
}
