import type { InjectionToken, OnModuleInit } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { CALLBACK_SETTINGS, type CallbackSettings } from '../callbacks/callback-settings.js';
import type { RtcClientMessage } from '../callbacks/client-message.js';
import { injectBy, tokenOf } from '../config/named-tokens.js';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import { checkCallOptions } from '../options/check-call-options.js';
import { abortSignal, duration } from '../options/rules.js';
import { readReceipts } from '../receiver/frame.js';
import type { RoomUnicastService } from '../services/room-unicast.service.js';
import { getRoomUnicastToken } from '../services/service-tokens.js';
import { Cancellation } from '../waiting/cancellation.js';
import { TimeBox } from '../waiting/time-box.js';
import type { ReceiptStore } from './receipt-store.js';

/** Who has a message, as far as receipts say. Whoever is in neither list was not sent to, or is no longer known. */
export interface ReceiptStatus {
  /** Users whose app has received it. */
  readonly confirmed: readonly string[];
  /** Users who were sent to, or may have been, and have not confirmed it. */
  readonly awaited: readonly string[];
  /** From when on nothing more is known of it. */
  readonly until: Date;
}

/** Options of `ReceiptService.wait()`. */
export interface WaitForReceiptsOptions {
  /** How long to wait at most, in milliseconds, 1–600,000. */
  readonly timeoutMs: number;
  /** Ends the wait early. */
  readonly signal?: AbortSignal | undefined;
}

const WAIT_OPTIONS = { timeoutMs: { rule: duration, required: true }, signal: abortSignal } as const;
/** Interval between two looks at all messages that are waited for: receipts may come to other processes. */
const LOOK_EVERY_MS = 100;
/** Messages of one look. The others' turn comes as waits end. */
const MAX_LOOK = 5_000;

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

/** The service of one module, over what its senders await receipts with. */
export function createReceipts(
  name: string | undefined,
  modules: Pick<ModulesContainer, 'values'>,
  store: ReceiptStore,
): ReceiptService & OnModuleInit {
  const find = (token: InjectionToken): unknown[] =>
    [...modules.values()].flatMap(({ providers }) => (providers.get(token)?.instance as unknown) ?? []);
  /** The module that sends. A mock has no host. */
  let rooms: RoomUnicastService | undefined;
  const hostOf = () => rooms?.chunkSenders?.().host;
  /** What ends the waits for each message, and how many there are. */
  const waits = new Map<string, { readonly end: Cancellation; count: number }>();
  let looking: NodeJS.Timeout | undefined;

  /** While the store does not answer, nobody knows, and waits go on. */
  const look = async (messageIds: readonly string[]): Promise<void> => {
    const [, ...left] = await store.look(messageIds).catch(() => []);
    for (const [at, messageId] of messageIds.entries())
      if (left[at] === 0) waits.get(messageId)?.end.cancel();
  };

  const take = async ({ userId, message }: RtcClientMessage): Promise<string | undefined> => {
    const messageIds = readReceipts(String(message));
    const host = hostOf();
    const confirm = async (messageId: string): Promise<void> => {
      const { left, ...receipt } = await store.confirm(messageId, userId);
      host?.emit({ type: 'receipt', module: host.module, messageId, userId, ...receipt });
      if (left === 0) waits.get(messageId)?.end.cancel();
    };
    return messageIds && Promise.all(messageIds.map(confirm)).then(() => '');
  };

  const status = async (messageId: string): Promise<ReceiptStatus | undefined> => {
    const { leftMs, ...lists } = await store.status(String(messageId));
    const [confirmed, awaited] = [Object.values(lists.confirmed), Object.values(lists.awaited)];
    if (confirmed.length + awaited.length === 0) return undefined;
    return { confirmed, awaited, until: new Date(Date.now() + leftMs) };
  };

  return {
    status,

    async wait(given, options) {
      const { timeoutMs, signal } = checkCallOptions(WAIT_OPTIONS, options);
      const messageId = String(given);
      const wait = waits.get(messageId) ?? { end: new Cancellation(), count: 0 };
      const box = new TimeBox(timeoutMs, signal, hostOf()?.closing, wait.end);
      waits.set(messageId, wait);
      wait.count += 1;
      looking ??= setInterval(() => void look([...waits.keys()].slice(0, MAX_LOOK)), LOOK_EVERY_MS).unref();
      void look([messageId]);
      await box.wait();
      wait.count -= 1;
      if (wait.count === 0) waits.delete(messageId);
      if (waits.size === 0) looking = void clearInterval(looking);
      return status(messageId);
    },

    /** Takes the clients' messages that are receipts. Both modules are there then, wherever the app imports them. */
    onModuleInit() {
      [rooms] = find(getRoomUnicastToken(name)) as RoomUnicastService[];
      const all = find(CALLBACK_SETTINGS) as CallbackSettings[];
      const callbacks = all.find((settings) => settings.name === name);
      const which = name === undefined ? 'without a name' : `with the name ${name}`;
      let problem: string | undefined = `needs RtcMessagingModule and RtcCallbackModule ${which}`;
      if (rooms !== undefined && callbacks !== undefined)
        problem = callbacks.consumers.push(take) > 1 ? `is registered twice ${which}` : undefined;
      if (problem === undefined) return;
      throw new RtcConfigError([{ option: 'RtcReceiptModule', message: problem }], undefined, name);
    },
  };
}

/**
 * The injection token of a {@link ReceiptService}: the class, or that of the module with this `name`. `undefined` is no
 * name, so that it gives the class.
 */
export const getReceiptsToken = tokenOf(ReceiptService, 'receipts');

/** Injects the {@link ReceiptService} of the module with this `name`; without one, as by its class. */
export const InjectReceipts = injectBy(getReceiptsToken);
