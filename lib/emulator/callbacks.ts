import { failWith } from '../options/read-options.js';
import { BoundedList } from './bounded-list.js';
import { bytesOf, type Callback, type SentCallback } from './callback.js';
import { CallbackSender, isDelivered } from './callback-sender.js';
import { type EventCallback, eventCallback, isLoopbackUrl, readCallbackUrl } from './callback-url.js';
import type { EmulatorClock } from './emulator-clock.js';
import type { Faults } from './faults.js';
import { isLoopbackHost, withoutMapping } from './host-name.js';
import { HttpError } from './http-error.js';
import type { PostEnd } from './post.js';
import { eventBody, type RoomEvent } from './room-events.js';
import { type Secrets, WITHHELD } from './secrets.js';

/** The emulator's parts that callbacks need. */
interface CallbackParts {
  readonly clock: EmulatorClock;
  readonly faults: Pick<Faults, 'for'>;
  readonly secrets: Secrets;
  readonly appId: string;
}

const EVENT_ATTEMPTS = 3;
/** What a try takes up beside its answer. */
const TRY_BYTES = 128;
const SHOWN_ANSWER = 1_024;

/**
 * What the service posts to the business server: events of rooms, to the URL that is registered here, and messages of
 * clients, to the URL that each of them has set. They leave in the order in which they happened.
 */
export class Callbacks {
  readonly #parts: CallbackParts;
  readonly #sender = new CallbackSender();
  readonly #sent: BoundedList<SentCallback>;
  readonly #allowedOrigin: string | undefined;
  #registered: { readonly url: URL; readonly secret: string } | undefined;

  /** @internal They come from `emulator.callbacks`. */
  constructor(parts: CallbackParts, callback: EventCallback | undefined, keepBytes: number) {
    this.#parts = parts;
    this.#sent = new BoundedList(keepBytes);
    if (callback !== undefined) this.register(callback);
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
    const checked = eventCallback(callback);
    if ('problems' in checked) {
      failWith(checked.problems.map((problem) => ({ ...problem, option: problem.option || 'callback' })));
    } else this.#registered = { ...checked.value, url: new URL(checked.value.url) };
  }

  /** Has events told to no one from now on. */
  unregister(): void {
    this.#registered = undefined;
  }

  /** Those that have ended, in that order. Beyond `keepBytes`, the oldest are dropped. */
  get sent(): readonly SentCallback[] {
    return this.#sent.items;
  }

  /** Waits until none is under way, nor waits for its turn, its next try or a fault's delay. */
  idle(): Promise<void> {
    return this.#sender.idle();
  }

  /** @internal How many are no longer in `sent`, or were not posted since too many waited. */
  get dropped(): number {
    return this.#sent.dropped + this.#sender.refused;
  }

  /** @internal Of the first in `sent`. */
  get firstNumber(): number {
    return this.#sent.dropped;
  }

  /** @internal */
  clear(): void {
    this.#sent.clear();
    this.#sender.refused = 0;
  }

  /** @internal Ends what is under way, and posts nothing from then on. */
  close(): Promise<void> {
    return this.#sender.close();
  }

  /**
   * @internal Whether another process may have the emulator post there: it must not be a way into a network. A program
   * on this machine can reach loopback by itself; what else there is was named by whoever started the emulator.
   * @throws HttpError if not
   */
  checkReach(url: unknown, remoteAddress = ''): void {
    const target = readCallbackUrl(url);
    if (target.origin === this.#allowedOrigin) return;
    if (isLoopbackUrl(target) && isLoopbackHost(withoutMapping(remoteAddress))) return;
    throw new HttpError(
      403,
      'url: must lead to this machine, and be set from it, or have the origin of the callbacks.url (--callback-url) that the emulator was started with',
    );
  }

  /** @internal Tells of an event, if a URL is registered. */
  tell(event: RoomEvent): void {
    if (this.#registered === undefined) return;
    const { url, secret } = this.#registered;
    const { clock, appId } = this.#parts;
    void this.deliver({
      action: event.type,
      roomId: event.roomId,
      userId: event.userId,
      url,
      headers: { 'Content-Type': 'application/json' },
      body: eventBody(event, { secret, appId, at: new Date(clock.now()) }),
      signatureField: 'Signature',
      maxAttempts: EVENT_ATTEMPTS,
      maxWaitMs: Number.POSITIVE_INFINITY,
    });
  }

  /** @internal @returns the last try; undefined if it was never posted */
  deliver(callback: Callback): Promise<PostEnd | undefined> {
    const { action, roomId, userId, url, body, signatureField } = callback;
    const target = { action, roomId: roomId ?? '', to: userId === undefined ? [] : [userId] };
    const fault = this.#parts.faults.for('callback', { target });
    const at = new Date(this.#parts.clock.now());
    return this.#sender.deliver(callback, fault, (tries) => {
      const attempts = tries.map(({ elapsedMs, httpStatus, answer, failure }) => {
        return { elapsedMs, httpStatus, answer: answer?.toString('utf8').slice(0, SHOWN_ANSWER), failure };
      });
      const shown: SentCallback = {
        action,
        at,
        roomId,
        userId,
        url: this.#shown(url),
        body: { ...body, [signatureField]: WITHHELD },
        attempts,
        outcome: isDelivered(tries) ? 'delivered' : 'failed',
        ...(fault !== undefined && { fault: fault.kind }),
      };
      const ofAnswers = attempts.reduce((sum, { answer = '' }) => sum + TRY_BYTES + answer.length * 2, 0);
      this.#sent.add(shown, bytesOf(callback) + ofAnswers);
    });
  }

  #shown({ origin, pathname, search }: URL): string {
    return origin + this.#parts.secrets.withheldFrom({ url: pathname + search, headers: {} }).url;
  }
}
