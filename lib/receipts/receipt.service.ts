import { Injectable } from '@nestjs/common';
import { injectBy, tokenOf } from '../config/named-tokens.js';
import type { RtcClientMessage } from '../callbacks/client-message.js';
import type { Emit, RtcReceiptEvent } from '../diagnostics/rtc-event.js';
import { RtcQuotaError } from '../errors/rtc-quota.error.js';
import { checkCallOptions } from '../options/check-call-options.js';
import { abortSignal, duration } from '../options/rules.js';
import { HiddenParts } from '../privacy/hidden-parts.js';
import { readReceipts } from '../receiver/receipt-text.js';
import { TimeBox } from '../waiting/time-box.js';
import type { ReceiptStatus, ReceiptStore } from './receipt-store.js';

/** Options of `ReceiptService.wait()`. */
export interface WaitForReceiptsOptions {
  /** How long to wait at most, in milliseconds, 1–600,000. */
  readonly timeoutMs: number;
  /** Ends the wait early. */
  readonly signal?: AbortSignal | undefined;
}

const WAIT_OPTIONS = { timeoutMs: { rule: duration, required: true }, signal: abortSignal } as const;
/** Another process may have been posted the receipt. The first looks come soon, since most receipts do. */
const LONGEST_PAUSE_MS = 250;
/** A refusal ends when receipts come, or when messages are given up. */
const RETRY_AFTER_MS = 1_000;

/** What a {@link ReceiptService} works with. */
interface Parts {
  readonly module: string;
  readonly store: ReceiptStore;
  readonly maxAwaited: number;
  emit: Emit;
}

const hidden = new HiddenParts<Parts>();

/**
 * Knows who has received a message that was sent with `receipt: true`: whose app has been given it, not who has seen it.
 * Experimental.
 */
@Injectable()
export class ReceiptService {
  /** Receipts that were posted to this process, by what became of them. */
  readonly counts: Readonly<Record<RtcReceiptEvent['status'], number>> = {
    confirmed: 0,
    repeated: 0,
    not_addressed: 0,
    unknown_message: 0,
  };

  /** @internal */
  constructor(parts: Omit<Parts, 'emit'>) {
    hidden.set(this, { ...parts, emit: () => undefined });
  }

  /**
   * Who has a message, and who has not.
   * @param messageId of the send's result, or of its error
   * @returns undefined when nothing is known of it: it was not sent with `receipt`, or is over, see `awaitMs`
   */
  status(messageId: string): Promise<ReceiptStatus | undefined> {
    return hidden.of(this).store.status(messageId);
  }

  /**
   * Waits until everyone who was sent a message has confirmed it, or for `timeoutMs`.
   * @returns the status then: nobody is `awaited` any more, or some still are
   * @throws RtcValidationError when an option breaks a rule
   */
  async wait(messageId: string, options: WaitForReceiptsOptions): Promise<ReceiptStatus | undefined> {
    const { timeoutMs, signal } = checkCallOptions(WAIT_OPTIONS, options);
    const { store } = hidden.of(this);
    const endsAt = performance.now() + timeoutMs;
    let status = await store.status(messageId);
    for (let pauseMs = 5; (status?.awaited.length ?? 0) > 0; pauseMs *= 2) {
      const box = new TimeBox(
        Math.max(0, Math.min(pauseMs, LONGEST_PAUSE_MS, endsAt - performance.now())),
        undefined,
        signal,
      );
      const end = await box.wait();
      box.dispose();
      status = await store.status(messageId);
      if (end !== 'timeout' || performance.now() >= endsAt) break;
    }
    return status;
  }

  /** @internal */
  async expect(messageId: string, userIds: readonly string[]): Promise<void> {
    const { store, maxAwaited } = hidden.of(this);
    const isAwaited = await store.expect(messageId, userIds).catch(() => undefined);
    if (isAwaited === true) return;
    const why =
      isAwaited === undefined
        ? 'Redis, which keeps the receipts, does not answer'
        : `more than ${maxAwaited} receipts would be awaited (maxAwaited)`;
    throw new RtcQuotaError(`The message was not sent: ${why}.`, { retryAfterMs: RETRY_AFTER_MS });
  }

  /** @internal */
  async withdraw(messageId: string, userIds: readonly string[]): Promise<void> {
    await hidden
      .of(this)
      .store.withdraw(messageId, userIds)
      .catch(() => undefined);
  }

  /** @internal Takes a client's message if it is one of receipts. */
  async take({ userId, message }: RtcClientMessage): Promise<string | undefined> {
    const { module, store, emit } = hidden.of(this);
    const messageIds = typeof message === 'string' ? readReceipts(message) : undefined;
    if (messageIds === undefined) return undefined;
    const all = await store.confirm(userId, messageIds);
    for (const [index, taken] of all.entries()) {
      const messageId = String(messageIds[index]);
      const status = typeof taken === 'number' ? 'confirmed' : taken;
      (this.counts as Record<RtcReceiptEvent['status'], number>)[status] += 1;
      const delay = typeof taken === 'number' ? { delayMs: taken } : {};
      emit({ type: 'receipt', module, messageId, userId, status, ...delay });
    }
    return '';
  }

  /** @internal */
  emitBy(emit: Emit): void {
    hidden.of(this).emit = emit;
  }
}

/**
 * The injection token of a {@link ReceiptService}: the class, or that of the module with this `name`. `undefined` is no
 * name, so that it gives the class.
 */
export const getReceiptsToken = tokenOf(ReceiptService, 'receipts');

/** Injects the {@link ReceiptService} of the module with this `name`; without one, as by its class. */
export const InjectReceipts = injectBy(getReceiptsToken);
