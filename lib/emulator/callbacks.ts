import { checkedOptions } from '../options/read-options.js';
import { BoundedList } from './bounded-list.js';
import {
  type Callback,
  type CallbackSubject,
  eventBody,
  type LeaveReason,
  signatureFieldOf,
} from './callback.js';
import { type CallbackAttempt, CallbackSender, isDelivered, type PostEnd } from './callback-sender.js';
import { EVENT_CALLBACK, type EventCallback, readCallbackUrl } from './callback-url.js';
import type { Fault, FaultKind } from './fault.js';
import { rulesOf } from './fault-kinds.js';
import type { Faults } from './faults.js';
import { isLoopback } from '../config/endpoint.js';
import { withoutMapping } from './host-name.js';
import { ensure } from './http-error.js';
import type { ResolvedEmulatorOptions } from './rtc-emulator-options.js';
import { type Secrets, WITHHELD } from './secrets.js';

/** A callback whose last try has ended. */
export interface SentCallback extends CallbackSubject {
  /** When it happened, by the emulator's clock. */
  readonly at: Date;
  /** Where it was posted to, without secrets. */
  readonly url: string;
  /** The fields of its JSON body, without the signature. */
  readonly body: Readonly<Record<string, string | boolean>>;
  /** Empty if it was never posted: a fault lost it, or 32 MB waited before it. */
  readonly attempts: readonly CallbackAttempt[];
  /** Whether a whole answer with status 200 came. */
  readonly outcome: 'delivered' | 'failed';
  /** The fault that was injected. */
  readonly fault?: FaultKind;
}

const MAX_WAITING_BYTES = 33_554_432;
/** What a callback takes up beside its texts. */
const CALLBACK_BYTES = 1_024;
const SHOWN_ANSWER = 1_024;

/**
 * What the service posts to the business server: events of rooms, to the URL that is registered here, and messages of
 * clients, to the URL that each of them has set. They leave in the order in which they happened.
 */
export class Callbacks {
  readonly #closing = new AbortController();
  readonly #sender = new CallbackSender(this.#closing.signal);
  readonly #appId: string;
  // Private to the language: whoever prints it must not print a secret key.
  readonly #secrets: Secrets;
  /** @internal */
  readonly list: BoundedList<SentCallback>;
  readonly #allowedOrigin: string | undefined;
  #registered: { readonly url: URL; readonly secret: string } | undefined;
  /** All that have not ended, and what they take up. */
  readonly #pending = new Set<Promise<unknown>>();
  #waitingBytes = 0;

  /** @internal They come from `emulator.callbacks`. */
  constructor(
    { appId, callbacks, keepBytes }: ResolvedEmulatorOptions,
    secrets: Secrets,
    private readonly faults: Pick<Faults, 'for'>,
    private readonly now: () => number,
  ) {
    this.#appId = appId;
    this.#secrets = secrets;
    this.list = new BoundedList(keepBytes / 32);
    if (callbacks !== undefined) this.register(callbacks);
    this.#allowedOrigin = this.#registered?.url.origin;
  }

  /** Where events are told to, without secrets; undefined: nowhere. */
  get url(): string | undefined {
    return this.#registered && this.#shown(this.#registered.url);
  }

  /**
   * Has events told to this URL from now on, in place of the one before.
   * @throws TypeError naming each invalid field
   */
  register(callback: EventCallback): void {
    const { url, secret } = checkedOptions(EVENT_CALLBACK, callback, '', 'callback');
    this.#registered = { url: new URL(url), secret };
  }

  /** Has events told to no one from now on. */
  unregister(): void {
    this.#registered = undefined;
  }

  /** Those that have ended, in that order. Beyond `keepBytes`, the oldest are dropped. */
  get sent(): readonly SentCallback[] {
    return this.list.items;
  }

  /** Waits until none is under way, nor waits for its turn, its next try or a fault's delay. */
  async idle(): Promise<void> {
    while (this.#pending.size > 0) await Promise.allSettled(this.#pending);
  }

  /** @internal Ends what is under way, and posts nothing from then on. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.idle();
  }

  /**
   * @internal Whether another process may have the emulator post there: it must not be a way into a network. A program
   * on this machine can reach loopback by itself; what else there is was named by whoever started the emulator.
   * @throws HttpError if not
   */
  checkReach(url: unknown, remoteAddress = ''): void {
    const target = readCallbackUrl(url);
    // Other names of localhost may lead elsewhere, where the system asks a name server for them.
    const isHere = isLoopback(target.hostname) && !target.hostname.endsWith('.localhost');
    ensure(
      target.origin === this.#allowedOrigin || (isHere && isLoopback(withoutMapping(remoteAddress))),
      403,
      'url: must lead to this machine, and be set from it, or have the origin of the callbacks.url (--callback-url) that the emulator was started with',
    );
  }

  /** @internal Tells of an event, if a URL is registered. */
  tell(event: CallbackSubject, reason?: LeaveReason): void {
    if (this.#registered === undefined) return;
    const { url, secret } = this.#registered;
    const body = eventBody(event, reason, { secret, appId: this.#appId, at: new Date(this.now()) });
    void this.deliver({ ...event, url, body });
  }

  /** @internal @returns the last try; undefined if it was never posted */
  async deliver(callback: Callback): Promise<PostEnd | undefined> {
    const bytes = CALLBACK_BYTES + JSON.stringify(callback).length * 2;
    this.#waitingBytes += bytes;
    const delivery = this.#deliver(callback);
    this.#pending.add(delivery);
    try {
      return await delivery;
    } finally {
      // Also where a test's own function threw, which surfaces.
      this.#pending.delete(delivery);
      this.#waitingBytes -= bytes;
    }
  }

  /** Posts what a fault makes of it, and records each copy. */
  async #deliver(callback: Callback): Promise<PostEnd | undefined> {
    const { action, roomId = '', userId } = callback;
    const target = { action, roomId, to: userId === undefined ? [] : [userId] };
    const fault = this.faults.for('callback', { target });
    const at = new Date(this.now());
    const asked = fault && rulesOf(fault).post;
    const change = this.#waitingBytes > MAX_WAITING_BYTES ? { copies: 0 } : asked;
    const { copies = 1, bodyOf, losesFirstAnswer = false } = change ?? {};
    if (fault !== undefined && 'delayMs' in fault) await this.#sender.pause(fault.delayMs);
    const sending = Array.from({ length: copies }, async (_, copy) => {
      const body = bodyOf?.(callback, copy) ?? callback.body;
      const tries = await this.#sender.send({ ...callback, body }, losesFirstAnswer);
      this.#record(callback, at, fault, tries);
      return tries.at(-1);
    });
    if (copies === 0) this.#record(callback, at, fault, []);
    return (await Promise.all(sending))[0];
  }

  #record(callback: Callback, at: Date, fault: Fault | undefined, tries: readonly PostEnd[]): void {
    if (this.#closing.signal.aborted) return;
    const sent: SentCallback = {
      ...callback,
      at,
      url: this.#shown(callback.url),
      body: { ...callback.body, [signatureFieldOf(callback)]: WITHHELD },
      attempts: tries.map(({ elapsedMs, httpStatus, answer, failure }) => {
        return { elapsedMs, httpStatus, answer: answer?.toString('utf8').slice(0, SHOWN_ANSWER), failure };
      }),
      outcome: isDelivered(tries.at(-1)) ? 'delivered' : 'failed',
      ...(fault !== undefined && { fault: fault.kind }),
    };
    this.list.add(sent, CALLBACK_BYTES + JSON.stringify(sent).length * 2);
  }

  #shown({ origin, pathname, search }: URL): string {
    return origin + this.#secrets.shownUrl(pathname + search);
  }
}
