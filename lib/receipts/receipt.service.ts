import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { injectBy, tokenOf } from '../config/named-tokens.js';
import type { RtcClientMessage } from '../callbacks/client-message.js';
import type { Emit, RtcReceiptEvent } from '../diagnostics/rtc-event.js';
import { RtcQuotaError } from '../errors/rtc-quota.error.js';
import { checkCallOptions } from '../options/check-call-options.js';
import { abortSignal, duration } from '../options/rules.js';
import { HiddenParts } from '../privacy/hidden-parts.js';
import { readReceipts } from '../receiver/receipt-text.js';
import { TimeBox } from '../waiting/time-box.js';
import type { TrackedRequest } from '../services/receipt-tracker.js';
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
  readonly awaitMs: number;
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
   * @returns undefined when nothing is known of it: it was not sent with `receipt`, or not at all, or is over, see
   * `awaitMs`
   * @throws RtcNetworkError when Redis does not answer, which keeps the receipts
   */
  status(messageId: string): Promise<ReceiptStatus | undefined> {
    return hidden.of(this).store.status(messageId);
  }

  /**
   * Waits until everyone who was sent a message has confirmed it, or for `timeoutMs`.
   * @returns the status then: nobody is `awaited` any more, or some still are. Who is `notSent` is not waited for.
   * @throws RtcValidationError when an option breaks a rule, RtcNetworkError when Redis does not answer in the end
   */
  async wait(messageId: string, options: WaitForReceiptsOptions): Promise<ReceiptStatus | undefined> {
    const { timeoutMs, signal } = checkCallOptions(WAIT_OPTIONS, options);
    const { store } = hidden.of(this);
    const endsAt = performance.now() + timeoutMs;
    for (let pauseMs = 5; ; pauseMs *= 2) {
      // While Redis does not answer, nobody knows.
      if (!((await store.countAwaited(messageId).catch(() => 1)) ?? 0)) break;
      const leftMs = Math.max(0, endsAt - performance.now());
      const box = new TimeBox(Math.min(pauseMs, LONGEST_PAUSE_MS, leftMs), undefined, signal);
      const end = await box.wait();
      box.dispose();
      if (end !== 'timeout' || performance.now() >= endsAt) break;
    }
    return await store.status(messageId);
  }

  /** @internal */
  async checkRoomFor(recipients: number): Promise<void> {
    const { store } = hidden.of(this);
    if (!(await store.hasRoomFor(recipients))) throw this.#tooMany();
  }

  /** @internal */
  async expect(request: TrackedRequest, limitMs: number): Promise<void> {
    const { store } = hidden.of(this);
    if (!(await store.expect(request, limitMs))) throw this.#tooMany();
  }

  #tooMany(): RtcQuotaError {
    const { maxAwaited } = hidden.of(this);
    const why = `more than ${maxAwaited} receipts would be awaited (maxAwaited)`;
    return new RtcQuotaError(`The message was not sent: ${why}.`, { retryAfterMs: RETRY_AFTER_MS });
  }

  /** @internal Nobody waits for it: what is asked of Redis afterwards is answered after it. */
  withdraw(request: TrackedRequest): void {
    const { store, awaitMs } = hidden.of(this);
    const endsAt = performance.now() + awaitMs;
    const withdraw = (): Promise<void> =>
      store.withdraw(request).catch(async () => {
        await sleep(RETRY_AFTER_MS, undefined, { ref: false });
        if (performance.now() < endsAt) await withdraw();
      });
    void withdraw();
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
