import type { OnModuleDestroy } from '@nestjs/common';
import { injectBy, tokenOf } from '../config/named-tokens.js';
import type { Emit } from '../diagnostics/channels.js';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import { checkCallOptions } from '../options/check-call-options.js';
import { abortSignal, duration } from '../options/rules.js';
import { readReceipts } from '../receiver/frame.js';
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
/** Messages of one look. The others' turn comes with the next. */
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

/** The receipts of the modules with one name. */
export class Receipts implements ReceiptService, OnModuleDestroy {
  readonly #closing = new Cancellation();
  /** What ends the waits for each message, and how many there are. */
  readonly #waits = new Map<string, { readonly end: Cancellation; count: number }>();
  #looking: NodeJS.Timeout | undefined;
  /** How many of the messages this round of looks has asked for. */
  #looked = 0;

  /**
   * @param store over which senders await receipts. Undefined where the options have no `receipts`
   * @param emit tells of receipts. The module that sends brings its own, with telemetry
   */
  constructor(
    readonly store: ReceiptStore | undefined,
    private readonly module: string,
    public emit: Emit,
  ) {}

  /** Takes the receipts of a client's message. @returns whether it holds any */
  async take(userId: string, message: string): Promise<boolean> {
    const messageIds = this.store && readReceipts(message);
    const confirm = async (messageId: string): Promise<void> => {
      const { left, ...receipt } = await this.#kept.confirm(messageId, userId);
      this.emit({ type: 'receipt', module: this.module, messageId, userId, ...receipt });
      if (left === 0) this.#waits.get(messageId)?.end.cancel();
    };
    await Promise.all(messageIds?.map(confirm) ?? []);
    return messageIds !== undefined;
  }

  async status(messageId: string): Promise<ReceiptStatus | undefined> {
    const { leftMs, ...lists } = await this.#kept.status(String(messageId));
    const [confirmed, awaited] = [Object.values(lists.confirmed), Object.values(lists.awaited)];
    if (confirmed.length + awaited.length === 0) return undefined;
    return { confirmed, awaited, until: new Date(Date.now() + leftMs) };
  }

  async wait(given: string, options: WaitForReceiptsOptions): Promise<ReceiptStatus | undefined> {
    const { timeoutMs, signal } = checkCallOptions(WAIT_OPTIONS, options);
    const messageId = String(given);
    const store = this.#kept;
    const wait = this.#waits.get(messageId) ?? { end: new Cancellation(), count: 0 };
    const box = new TimeBox(timeoutMs, signal, this.#closing, wait.end);
    this.#waits.set(messageId, wait);
    wait.count += 1;
    this.#looking ??= setInterval(() => this.#lookAtNext(store), LOOK_EVERY_MS).unref();
    void this.#look(store, [messageId]);
    await box.wait();
    wait.count -= 1;
    if (wait.count === 0) this.#waits.delete(messageId);
    if (this.#waits.size === 0) this.#looking = void clearInterval(this.#looking);
    return this.status(messageId);
  }

  onModuleDestroy(): void {
    this.#closing.cancel();
  }

  get #kept(): ReceiptStore {
    if (this.store !== undefined) return this.store;
    const problem = { option: 'RtcCallbackModule.receipts', message: 'is missing' };
    throw new RtcConfigError([problem], undefined, this.module);
  }

  #lookAtNext(store: ReceiptStore): void {
    const all = [...this.#waits.keys()];
    if (this.#looked >= all.length) this.#looked = 0;
    void this.#look(store, all.slice(this.#looked, (this.#looked += MAX_LOOK)));
  }

  /** While the store does not answer, nobody knows, and waits go on. */
  async #look(store: ReceiptStore, messageIds: readonly string[]): Promise<void> {
    const [, ...left] = await store.look(messageIds).catch(() => []);
    for (const [at, messageId] of messageIds.entries())
      if (left[at] === 0) this.#waits.get(messageId)?.end.cancel();
  }
}

/**
 * The injection token of a {@link ReceiptService}: the class, or that of the module with this `name`. `undefined` is no
 * name, so that it gives the class.
 */
export const getReceiptsToken = tokenOf(ReceiptService, 'receipts');

/** Injects the {@link ReceiptService} of the module with this `name`; without one, as by its class. */
export const InjectReceipts = injectBy(getReceiptsToken);
