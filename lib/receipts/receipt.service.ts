import type { OnModuleInit } from '@nestjs/common';
import type { ModuleRef } from '@nestjs/core';
import { setTimeout as sleep } from 'node:timers/promises';
import { CALLBACK_SETTINGS, type CallbackSettings } from '../callbacks/callback-settings.js';
import type { RtcClientMessage } from '../callbacks/client-message.js';
import { injectBy, tokenOf } from '../config/named-tokens.js';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import { RtcMessagingError } from '../errors/rtc-messaging.error.js';
import { RtcNetworkError } from '../errors/rtc-network.error.js';
import { RtcQuotaError } from '../errors/rtc-quota.error.js';
import type { FanOutHost } from '../fan-out/chunk-sender.js';
import { checkCallOptions } from '../options/check-call-options.js';
import { abortSignal, duration } from '../options/rules.js';
import { readReceipts } from '../receiver/frame.js';
import type { ReceiptTracker } from '../services/receipt-tracker.js';
import { getRoomUnicastToken } from '../services/service-tokens.js';
import { TimeBox, waitFor } from '../waiting/time-box.js';
import type { ReceiptStatus, ReceiptStore } from './receipt-store.js';
import { ANSWER_LIMIT_MS } from './redis-receipt-store.js';

/** Options of `ReceiptService.wait()`. */
export interface WaitForReceiptsOptions {
  /** How long to wait at most, in milliseconds, 1–600,000. */
  readonly timeoutMs: number;
  /** Ends the wait early. */
  readonly signal?: AbortSignal | undefined;
}

const WAIT_OPTIONS = { timeoutMs: { rule: duration, required: true }, signal: abortSignal } as const;
/** Longest pause between two looks at a message that is waited for. Most receipts come soon. */
const LONGEST_PAUSE_MS = 250;
/** A chunk that waits for room looks for it so often. */
const LOOK_EVERY_MS = 100;
/** A request that leaves as soon as it is awaited need not be awaited anew. */
const SAME_MOMENT_MS = 20;
/** A refusal ends when receipts come, or when messages are over. */
const RETRY_AFTER_MS = 1_000;

/**
 * Knows who has received a message that was sent with `receipt: true`: whose app has been given it, not who has seen it.
 * Experimental.
 */
export abstract class ReceiptService {
  /**
   * Who has a message, and who has not.
   * @param messageId of the send's result, or of its error
   * @returns undefined when nobody is known of it: it was not sent with `receipt`, or to nobody, or is over, see
   * `awaitMs`
   * @throws RtcNetworkError when Redis does not answer, which keeps the receipts
   */
  abstract status(messageId: string): Promise<ReceiptStatus | undefined>;

  /**
   * Waits until everyone who was sent a message has confirmed it, for `timeoutMs`, or until the app closes. While Redis
   * does not answer, it takes up to a second longer.
   * @returns the status then: nobody is `awaited` any more, or some still are
   * @throws RtcValidationError when an option breaks a rule, RtcNetworkError when Redis does not answer in the end
   */
  abstract wait(messageId: string, options: WaitForReceiptsOptions): Promise<ReceiptStatus | undefined>;
}

/** The service of one module, and what its senders await receipts with. */
export function createReceipts(
  name: string | undefined,
  modules: ModuleRef,
  maxAwaited: number,
  store: ReceiptStore,
): ReceiptService & ReceiptTracker & OnModuleInit {
  /** The module that sends. A mock has none. */
  let host: FanOutHost | undefined;
  /** Ends when the chunks that wait for room have it. */
  let line: Promise<unknown> = Promise.resolve();

  const status = (messageId: string): Promise<ReceiptStatus | undefined> => answerOf(store.status(messageId));

  const confirm = async (userId: string, messageId: string): Promise<void> => {
    const taken = await store.confirm(userId, messageId);
    const how =
      typeof taken === 'number' ? { status: 'confirmed' as const, delayMs: taken } : { status: taken };
    host?.emit({ type: 'receipt', module: host.module, messageId, userId, ...how });
  };

  const take = async ({ userId, message }: RtcClientMessage): Promise<string | undefined> => {
    const messageIds = typeof message === 'string' ? readReceipts(message) : undefined;
    if (messageIds === undefined) return undefined;
    await answerOf(Promise.all(messageIds.map((messageId) => confirm(userId, messageId))));
    return '';
  };

  const noRoom = (): RtcQuotaError => {
    const why = `more than ${maxAwaited} receipts would be awaited (maxAwaited)`;
    return new RtcQuotaError(`The message was not sent: ${why}.`, { retryAfterMs: RETRY_AFTER_MS });
  };

  return {
    status,

    async wait(messageId, options) {
      const { timeoutMs, signal } = checkCallOptions(WAIT_OPTIONS, options);
      const began = performance.now();
      const look = async (): Promise<void> => {
        // While the store does not answer, nobody knows.
        while ((await store.awaited(String(messageId)).catch(() => 1)) > 0 && !box.interruption)
          await sleep(Math.min(LONGEST_PAUSE_MS, 5 + (performance.now() - began) / 8), undefined, {
            ref: false,
          });
      };
      const box = new TimeBox(timeoutMs, signal, host?.closing);
      await box.guard(look).catch(() => undefined);
      box.dispose();
      return await status(messageId);
    },

    async requireRoom(recipients, { deadlineMs, signal }) {
      // Without an answer, the sending says so.
      const awaited = await answerOf(store.awaited(), deadlineMs, signal).catch(() => 0);
      if (awaited + recipients > maxAwaited) throw noRoom();
    },

    async track(messageId, userIds, plan, send) {
      const { deadlineMs, fanOut, stop } = plan;
      let expected = Promise.resolve(false);
      let expectedAt = 0;
      const expect = (): Promise<boolean> => {
        expectedAt = performance.now();
        expected = store.expect(messageId, userIds);
        return answerOf(expected, deadlineMs);
      };
      const findRoom = async (): Promise<boolean> => {
        for (;;) {
          if (stop?.isCancelled) return false;
          if (await expect()) return true;
          if (!fanOut || userIds.length > maxAwaited) throw noRoom();
          await sleep(LOOK_EVERY_MS);
        }
      };
      const beforeCall = (): Promise<boolean> => {
        // Who came before has room first.
        const found = fanOut ? line.then(findRoom) : findRoom();
        if (fanOut) line = found.catch(() => undefined);
        return found;
      };
      const beforeSend = async (): Promise<boolean> => {
        // They are awaited already, and this moves the time: nobody waits for it with a permit in hand.
        if (performance.now() - expectedAt > SAME_MOMENT_MS) expect().catch(() => undefined);
        return plan.beforeSend?.() ?? true;
      };
      try {
        return await send({ ...plan, beforeCall, beforeSend });
      } catch (error) {
        if (error instanceof RtcMessagingError && error.outcome !== 'unknown') {
          // At once, so that it is done before the same users are awaited again; and after what is answered too late.
          const withdraw = (): Promise<void> => store.withdraw(messageId, userIds);
          void withdraw()
            .catch(() => expected.then(withdraw))
            .catch(() => undefined);
        }
        throw error;
      }
    },

    /** Takes the clients' messages that are receipts. Both modules are there then, wherever the app imports them. */
    onModuleInit() {
      try {
        const anywhere = { strict: false };
        host = modules.get(getRoomUnicastToken(name), anywhere).chunkSenders?.().host;
        const each = { ...anywhere, each: true } as const;
        const callbacks = modules
          .get<CallbackSettings>(CALLBACK_SETTINGS, each)
          .find((settings) => settings.name === name);
        if (callbacks === undefined) throw new TypeError('no callbacks');
        callbacks.consumers.push(take);
      } catch {
        const which = name === undefined ? 'without a name' : `with the name ${name}`;
        const message = `needs RtcMessagingModule and RtcCallbackModule ${which}`;
        throw new RtcConfigError([{ option: 'RtcReceiptModule', message }], undefined, name);
      }
    },
  };
}

/** What a store says, if it does so in time. */
async function answerOf<T>(
  work: Promise<T>,
  limitMs = ANSWER_LIMIT_MS,
  ...signals: (AbortSignal | undefined)[]
): Promise<T> {
  try {
    return await waitFor(work, Math.max(1, Math.min(limitMs, ANSWER_LIMIT_MS)), ...signals);
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
