import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { injectBy, tokenOf } from '../config/named-tokens.js';
import type { RtcClientMessage } from '../callbacks/client-message.js';
import type { RtcReceiptEvent } from '../diagnostics/rtc-event.js';
import { RtcMessagingError } from '../errors/rtc-messaging.error.js';
import { RtcNetworkError } from '../errors/rtc-network.error.js';
import { RtcQuotaError } from '../errors/rtc-quota.error.js';
import { checkCallOptions } from '../options/check-call-options.js';
import { abortSignal, duration } from '../options/rules.js';
import { HiddenParts } from '../privacy/hidden-parts.js';
import { readReceipts } from '../receiver/receipt-text.js';
import type { CallPlan } from '../retry/call-policy.js';
import type { ReceiptTracker } from '../services/receipt-tracker.js';
import type { Cancellation } from '../waiting/cancellation.js';
import { Interrupted, waitFor } from '../waiting/time-box.js';
import { ReceiptRoom } from './receipt-room.js';
import type { ReceiptStatus, ReceiptStore, TrackedRequest } from './receipt-store.js';
import { ReceiptWatch } from './receipt-watch.js';
import { ANSWER_LIMIT_MS } from './redis-receipt-store.js';

/** Options of `ReceiptService.wait()`. */
export interface WaitForReceiptsOptions {
  /** How long to wait at most, in milliseconds, 1–600,000. */
  readonly timeoutMs: number;
  /** Ends the wait early. */
  readonly signal?: AbortSignal | undefined;
}

const WAIT_OPTIONS = { timeoutMs: { rule: duration, required: true }, signal: abortSignal } as const;
/** A chunk that waits for room looks for it so often. */
const LOOK_EVERY_MS = 50;
/** A refusal ends when receipts come, or when messages are given up. */
const RETRY_AFTER_MS = 1_000;

type Sending = Parameters<ReceiptTracker['attach']>[0];

const hidden = new HiddenParts<{
  readonly module: string;
  readonly store: ReceiptStore;
  readonly maxAwaited: number;
  /** The module that sends, if there is one. */
  sending?: Sending;
  /** Ends when those who wait for room have it. */
  line: Promise<void>;
  /** Tells requests apart. */
  requests: number;
  /** By message. */
  readonly watches: Map<string, ReceiptWatch>;
}>();

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
    not_awaited: 0,
  };

  /** @internal */
  constructor(module: string, store: ReceiptStore, maxAwaited: number) {
    const line = Promise.resolve();
    const watches = new Map<string, ReceiptWatch>();
    hidden.set(this, { module, store, maxAwaited, line, requests: 0, watches });
  }

  /**
   * Who has a message, and who has not.
   * @param messageId of the send's result, or of its error
   * @returns undefined when nobody is known of it: it was not sent with `receipt`, or to nobody, or is over, see
   * `awaitMs`
   * @throws RtcNetworkError when Redis does not answer, which keeps the receipts
   */
  status(messageId: string): Promise<ReceiptStatus | undefined> {
    return answer(hidden.of(this).store.status(messageId));
  }

  /**
   * Waits until everyone who was sent a message has confirmed it, for `timeoutMs`, or until the app closes. While Redis
   * does not answer, it takes up to a second longer.
   * @returns the status then: nobody is `awaited` any more, or some still are
   * @throws RtcValidationError when an option breaks a rule, RtcNetworkError when Redis does not answer in the end
   */
  async wait(messageId: string, options: WaitForReceiptsOptions): Promise<ReceiptStatus | undefined> {
    const { timeoutMs, signal } = checkCallOptions(WAIT_OPTIONS, options);
    const { store, watches, sending } = hidden.of(this);
    const watch = watches.get(messageId) ?? new ReceiptWatch(store, messageId);
    watches.set(messageId, watch);
    watch.waiting += 1;
    try {
      await waitFor(watch.over, timeoutMs, undefined, signal, sending?.closing);
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
    } finally {
      watch.waiting -= 1;
      if (watch.waiting === 0 && watches.delete(messageId)) watch.end();
    }
    return await answer(watch.status());
  }

  /** @internal */
  attach(sending: Sending): void {
    hidden.of(this).sending = sending;
  }

  /** @internal */
  async reserve(
    recipients: number,
    { deadlineMs = Infinity, signal }: Parameters<ReceiptTracker['reserve']>[1],
  ): Promise<ReceiptRoom> {
    const { store, maxAwaited } = hidden.of(this);
    const limitMs = Math.min(deadlineMs, ANSWER_LIMIT_MS);
    if (!store.hasRoomFor(recipients)) await answer(store.refresh(), limitMs, signal).catch(() => undefined);
    if (store.hasRoomFor(recipients)) return new ReceiptRoom(store, recipients);
    const why = `more than ${maxAwaited} receipts would be awaited (maxAwaited)`;
    throw new RtcQuotaError(`The message was not sent: ${why}.`, { retryAfterMs: RETRY_AFTER_MS });
  }

  /** @internal */
  async track<T>(
    messageId: string,
    to: readonly string[],
    plan: CallPlan,
    send: (plan: CallPlan) => Promise<T>,
    reserved?: ReceiptRoom,
  ): Promise<T> {
    const parts = hidden.of(this);
    const { signal, stop, fanOut } = plan;
    const request: TrackedRequest = {
      messageId,
      name: `/${(parts.requests++).toString(36)} `,
      userIds: [...new Set(to)],
    };
    const recipients = request.userIds.length;
    const started = performance.now();
    let room = reserved;
    try {
      try {
        room ??= await (fanOut ? this.#waitForRoom(recipients, plan) : this.reserve(recipients, plan));
        await this.#begin(request, plan);
      } catch (error) {
        // What was aborted says so itself.
        if (signal?.aborted || stop?.isCancelled)
          return await send({ ...plan, beforeSend: async () => false });
        throw error;
      }
      room.use(recipients);
      const beforeSend = async (): Promise<boolean> => {
        // Not waited for with a permit in hand: they are awaited already, and this moves the time.
        parts.store.expect(request).catch(() => undefined);
        return plan.beforeSend?.() ?? true;
      };
      const spentMs = fanOut ? 0 : performance.now() - started;
      try {
        return await send({ ...plan, deadlineMs: Math.max(1, plan.deadlineMs - spentMs), beforeSend });
      } catch (error) {
        if (error instanceof RtcMessagingError && error.outcome !== 'unknown') {
          this.#withdraw(request);
          room.use(-recipients);
        }
        throw error;
      }
    } finally {
      if (reserved === undefined) room?.free();
    }
  }

  /** Awaits receipts of a request before it has its permit, so that nobody else waits while Redis is asked. */
  async #begin(request: TrackedRequest, { deadlineMs, signal, stop }: CallPlan): Promise<void> {
    const begun = hidden.of(this).store.expect(request);
    try {
      await answer(begun, Math.min(deadlineMs, ANSWER_LIMIT_MS), signal, stop);
    } catch (error) {
      // It may be done late. Nobody will send it.
      begun.then(() => this.#withdraw(request)).catch(() => undefined);
      throw error;
    }
  }

  /** If the store does not answer, its recipients stay awaited until the message's time is over. */
  #withdraw(request: TrackedRequest): void {
    const withdrawn = hidden.of(this).store.withdraw(request);
    withdrawn.then((awaited) => this.#endIfDone(request.messageId, awaited)).catch(() => undefined);
  }

  /** Those who came before have it first. Who can't ever have it is refused. */
  async #waitForRoom(recipients: number, { signal, stop }: CallPlan): Promise<ReceiptRoom> {
    const parts = hidden.of(this);
    const before = parts.line;
    let leave: (() => void) | undefined;
    parts.line = new Promise((resolve) => (leave = resolve));
    const look = () => Promise.all([parts.store.refresh(), sleep(LOOK_EVERY_MS)]);
    try {
      await waitFor(before, Infinity, undefined, signal, stop);
      while (recipients <= parts.maxAwaited && !parts.store.hasRoomFor(recipients))
        await waitFor(look, Infinity, undefined, signal, stop);
      return await this.reserve(recipients, {});
    } finally {
      leave?.();
    }
  }

  /** @internal Takes a client's message if it is one of receipts. */
  async take({ userId, message }: RtcClientMessage): Promise<string | undefined> {
    const messageIds = typeof message === 'string' ? readReceipts(message) : undefined;
    if (messageIds === undefined) return undefined;
    await answer(Promise.all(messageIds.map((messageId) => this.#take(userId, messageId))));
    return '';
  }

  async #take(userId: string, messageId: string): Promise<void> {
    const { module, store, sending } = hidden.of(this);
    const [taken, awaited] = await store.confirm(userId, messageId);
    const status = typeof taken === 'number' ? 'confirmed' : taken;
    (this.counts as Record<RtcReceiptEvent['status'], number>)[status] += 1;
    const delay = typeof taken === 'number' ? { delayMs: taken } : {};
    sending?.emit({ type: 'receipt', module, messageId, userId, status, ...delay });
    this.#endIfDone(messageId, awaited);
  }

  #endIfDone(messageId: string, awaited: number | undefined): void {
    if (awaited === 0) hidden.of(this).watches.get(messageId)?.end();
  }
}

/** What a store says, if it does so in time. */
async function answer<T>(
  work: Promise<T>,
  limitMs = ANSWER_LIMIT_MS,
  ...signals: readonly (Cancellation | AbortSignal | undefined)[]
): Promise<T> {
  try {
    return await waitFor(work, limitMs, undefined, ...signals);
  } catch {
    const message = 'The receipts are not known: Redis, which keeps them, does not answer.';
    throw new RtcNetworkError(message, { outcome: 'not_attempted', phase: 'queued' });
  }
}

/**
 * The injection token of a {@link ReceiptService}: the class, or that of the module with this `name`. `undefined` is no
 * name, so that it gives the class.
 */
export const getReceiptsToken = tokenOf(ReceiptService, 'receipts');

/** Injects the {@link ReceiptService} of the module with this `name`; without one, as by its class. */
export const InjectReceipts = injectBy(getReceiptsToken);
