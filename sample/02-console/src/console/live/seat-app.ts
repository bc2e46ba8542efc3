import { createReceiver, type Receiver } from 'nestjs-rtc-messaging/receiver';
import type { WebSocket } from 'ws';
import type { AnswerJson, LiveEvent, ReceivedJson } from './live-event.js';

/** What a user's client is told. */
type Heard = ReceivedJson | AnswerJson | { readonly event: 'onServerParamsSetResult' | 'onError' };

/** What runs in a user's client: the receiver, which shows messages once and confirms them, and a raised hand. */
export class SeatApp {
  /** Receipts on their way to the business server, by their numbers. */
  readonly #receipts = new Map<number, (error: AnswerJson['error']) => void>();
  /** All that the emulator delivers comes from the business server, under whatever user ID it takes. */
  readonly #senders: string[] = [];
  #receiver: Receiver | undefined;
  #delivered: ReceivedJson | undefined;
  #number = 0;

  constructor(
    private readonly userId: string,
    private readonly socket: WebSocket,
    private readonly tell: (event: LiveEvent) => void,
  ) {}

  hear(heard: Heard): void {
    if (heard.event === 'onServerMessageSendResult') {
      const settle = this.#receipts.get(heard.msgid);
      if (settle === undefined) this.tell({ type: 'answered', userId: this.userId, answer: heard });
      else settle(heard.error);
    } else if ('from' in heard) {
      this.#delivered = heard;
      const { event, from, message } = heard;
      if (!this.#senders.includes(from)) this.#senders.push(from);
      this.#receiver ??= createReceiver({
        from: this.#senders,
        confirm: (receipts) => this.#confirm(receipts),
        onMessage: (received) => this.#show(received.message),
      });
      // It shows the message at once, or never: a copy.
      this.#receiver.receive(from, event.includes('Binary') ? Buffer.from(message, 'base64') : message);
      if (this.#delivered === undefined) return;
      this.#delivered = undefined;
      this.tell({ type: 'copy_dropped', userId: this.userId, event, at: heard.at });
    }
  }

  /** @returns the number under which the result comes */
  send(message: string, onFailure?: (error: Error) => void): number {
    this.#number += 1;
    this.socket.send(
      JSON.stringify({ method: 'sendServerMessage', message, msgid: this.#number }),
      (error) => {
        if (error) onFailure?.(error);
      },
    );
    return this.#number;
  }

  /** Confirms what was shown, for which the connection has to be open. */
  async close(): Promise<void> {
    await this.#receiver?.close();
  }

  /** The connection is gone: what is on its way has no result. */
  end(): void {
    void this.close();
    for (const settle of this.#receipts.values()) settle('NotLogin');
  }

  #show(message: unknown): void {
    const delivered = this.#delivered;
    this.#delivered = undefined;
    if (delivered === undefined) return;
    const text = message instanceof Uint8Array ? Buffer.from(message).toString('base64') : String(message);
    this.tell({ type: 'received', userId: this.userId, received: { ...delivered, message: text } });
  }

  #confirm(receipts: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const number = this.send(receipts, reject);
      this.#receipts.set(number, (error) => {
        this.#receipts.delete(number);
        if (error === 'Success') resolve();
        else reject(new Error(error));
      });
    });
  }
}
