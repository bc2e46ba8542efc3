import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { RtcReceiptEvent } from 'nestjs-rtc-messaging';
import { type Observable, Subject } from 'rxjs';

const RECEIPTS = 'nestjs-rtc-messaging:receipt';
/** A page asks for those of its last message. */
const MAX_MESSAGES = 100;

/** That a user's app was given a message. */
export interface Confirmation {
  readonly userId: string;
  /** Since before the message was sent. */
  readonly delayMs: number;
}

/** Which receipts came, and when, from what the library publishes. */
@Injectable()
export class ReceiptNewsService implements OnModuleInit, OnModuleDestroy {
  readonly #news = new Subject<Confirmation & { readonly messageId: string }>();
  /** By message, the oldest first. */
  readonly #confirmed = new Map<string, Confirmation[]>();
  readonly #take = (event: unknown): void => {
    const { messageId, userId, delayMs } = event as RtcReceiptEvent;
    // Refused, or one that came before.
    if (delayMs === undefined) return;
    const confirmed = this.#confirmed.get(messageId) ?? [];
    confirmed.push({ userId, delayMs });
    this.#confirmed.set(messageId, confirmed);
    const [oldest] = this.#confirmed.keys();
    if (this.#confirmed.size > MAX_MESSAGES && oldest !== undefined) this.#confirmed.delete(oldest);
    this.#news.next({ messageId, userId, delayMs });
  };

  /** Each as it comes. */
  get news(): Observable<Confirmation & { readonly messageId: string }> {
    return this.#news;
  }

  onModuleInit(): void {
    subscribe(RECEIPTS, this.#take);
  }

  onModuleDestroy(): void {
    unsubscribe(RECEIPTS, this.#take);
  }

  /** Those of a message that came so far. */
  of(messageId: string): readonly Confirmation[] {
    return this.#confirmed.get(messageId) ?? [];
  }
}
