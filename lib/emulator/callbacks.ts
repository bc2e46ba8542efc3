import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { failWith } from '../options/read-options.js';
import { BoundedList } from './bounded-list.js';
import { type EventCallback, eventCallback, isLoopbackUrl, readCallbackUrl } from './callback-url.js';
import type { EmulatorClock } from './emulator-clock.js';
import type { Fault, FaultKind } from './fault.js';
import type { Faults } from './faults.js';
import { isLoopbackHost, withoutMapping } from './host-name.js';
import { HttpError } from './http-error.js';
import { post, type PostEnd } from './post.js';
import { eventBody, type RoomEvent, type RoomEventType } from './room-events.js';
import type { Secrets } from './secrets.js';

/** The client SDK's methods by which a client sends to the business server. */
export type ServerMessageMethod = 'sendServerMessage' | 'sendServerBinaryMessage';

/** What is posted to the business server: an event, or a client's message. */
export type CallbackAction = RoomEventType | ServerMessageMethod;

/** A try to post a callback. */
export interface CallbackAttempt {
  /** Until the answer had been read, or the try failed. */
  readonly elapsedMs: number;
  /** Undefined if there was no answer, or a fault lost it. */
  readonly httpStatus?: number | undefined;
  /** The first 1,024 characters of the answer. */
  readonly answer?: string | undefined;
  /** Why there was no whole answer. */
  readonly failure?: string | undefined;
}

/** A callback whose last try has ended. */
export interface SentCallback {
  /** An event's type, or the client SDK's method. */
  readonly action: CallbackAction;
  /** When it happened, by the emulator's clock. */
  readonly at: Date;
  /** Undefined for a message of a client outside of rooms. */
  readonly roomId: string | undefined;
  /** Undefined for an event of a room as a whole. */
  readonly userId: string | undefined;
  /** Where it was posted to, without secrets. */
  readonly url: string;
  /** The fields of its JSON body, without the signature. */
  readonly body: Readonly<Record<string, string | boolean>>;
  /** Empty if it was never posted. */
  readonly attempts: readonly CallbackAttempt[];
  /** Whether an answer with status 200 came. */
  readonly outcome: 'delivered' | 'failed';
  /** The fault that was injected. */
  readonly fault?: FaultKind;
}

/** What is to be posted. */
export interface Callback extends Pick<SentCallback, 'action' | 'roomId' | 'userId' | 'body'> {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly maxAttempts: number;
  /** How long it may wait for its turn. */
  readonly maxWaitMs: number;
}

/** The emulator's parts that callbacks need. */
export interface CallbackParts {
  readonly faults: Pick<Faults, 'for'>;
  readonly clock: EmulatorClock;
  readonly secrets: Secrets;
  readonly appId: string;
  readonly keepBytes: number;
  /** As it was started with. */
  readonly callbacks: EventCallback | undefined;
}

const EVENT_ATTEMPTS = 3;
/** Not published. */
const RETRY_AFTER_MS = 200;
/** So many are posted at the same time; the others wait. */
const MAX_CONNECTIONS = 64;
const MAX_WAITING_BYTES = 33_554_432;
/** What a callback takes up beside its texts. */
const CALLBACK_BYTES = 1_024;
const SHOWN_ANSWER = 1_024;
const WITHHELD = '(withheld)';

/**
 * What the service posts to the business server: events of rooms, to the URL that is registered here, and messages of
 * clients, to the URL that each of them has set. They leave in the order in which they happened, up to 64 at a time.
 */
export class Callbacks {
  readonly #parts: CallbackParts;
  readonly #sent: BoundedList<SentCallback>;
  readonly #allowedOrigin: string | undefined;
  readonly #closing = new AbortController();
  /** All that have not ended. */
  readonly #pending = new Set<Promise<unknown>>();
  /** Those that wait for their turn, in their order. */
  readonly #turns: (() => void)[] = [];
  #registered: { readonly url: URL; readonly secret: string } | undefined;
  #active = 0;
  /** Whether the last one has not left yet. */
  #isLeaving = false;
  #bytes = 0;
  #refused = 0;

  /** @internal They come from `emulator.callbacks`. */
  constructor(parts: CallbackParts) {
    this.#parts = parts;
    this.#sent = new BoundedList(parts.keepBytes);
    setMaxListeners(0, this.#closing.signal);
    if (parts.callbacks === undefined) return;
    this.register(parts.callbacks);
    this.#allowedOrigin = this.#registered?.url.origin;
  }

  /** Where events are told to; undefined: nowhere. */
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
      failWith(checked.problems);
      return;
    }
    this.#registered = { url: readCallbackUrl(checked.value.url), secret: checked.value.secret ?? '' };
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
  async idle(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  /** @internal How many are no longer in `sent`, or were not posted since too many waited. */
  get dropped(): number {
    return this.#sent.dropped + this.#refused;
  }

  /** @internal Of the first in `sent`. */
  get firstNumber(): number {
    return this.#sent.dropped;
  }

  /** @internal */
  clear(): void {
    this.#sent.clear();
    this.#refused = 0;
  }

  /** @internal Ends what is under way, and sends nothing from then on. */
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
    const { appId, clock } = this.#parts;
    const at = new Date(clock.now());
    void this.deliver({
      action: event.type,
      roomId: event.roomId,
      userId: event.userId,
      url,
      body: eventBody(event, { appId, secret, at }),
      headers: { 'Content-Type': 'application/json' },
      maxAttempts: EVENT_ATTEMPTS,
      maxWaitMs: Number.POSITIVE_INFINITY,
    });
  }

  /** @internal @returns the end of the last try; undefined if it was never posted */
  deliver(callback: Callback): Promise<PostEnd | undefined> {
    const delivery = this.#deliver(callback);
    this.#pending.add(delivery);
    void delivery.then(() => this.#pending.delete(delivery));
    return delivery;
  }

  async #deliver(callback: Callback): Promise<PostEnd | undefined> {
    const bytes = bytesOf(callback);
    const { signal } = this.#closing;
    if (signal.aborted) return undefined;
    if (this.#bytes + bytes > MAX_WAITING_BYTES) {
      this.#refused += 1;
      return undefined;
    }
    const { action, roomId = '', userId } = callback;
    const target = { action, roomId, to: userId === undefined ? [] : [userId] };
    const fault = this.#parts.faults.for('callback', { target });
    const at = new Date(this.#parts.clock.now());
    this.#bytes += bytes;
    try {
      if (fault?.kind === 'callback_lost') return this.#end(callback, at, [], fault);
      if (fault?.kind === 'callback_late') await pause(fault.delayMs, signal);
      const copies = fault?.kind === 'callback_twice' ? 2 : 1;
      const [end] = await Promise.all(Array.from({ length: copies }, () => this.#send(callback, at, fault)));
      return end;
    } finally {
      this.#bytes -= bytes;
    }
  }

  async #send(callback: Callback, at: Date, fault: Fault | undefined): Promise<PostEnd | undefined> {
    const { signal } = this.#closing;
    const ends: PostEnd[] = [];
    const began = performance.now();
    let isLeaving = true;
    const leave = (): void => {
      if (!isLeaving) return;
      isLeaving = this.#isLeaving = false;
      this.#next();
    };
    await new Promise<void>((resolve) => {
      this.#turns.push(resolve);
      this.#next();
    });
    const isTooLate = performance.now() - began > callback.maxWaitMs;
    const body = Buffer.from(
      JSON.stringify(
        fault?.kind === 'callback_wrong_signature' ? withWrongSignature(callback.body) : callback.body,
      ),
    );
    while (!isTooLate && !signal.aborted && ends.length < callback.maxAttempts) {
      const { url, headers } = callback;
      const end = await post(url, body, { headers, signal, onSent: leave });
      const isLost = fault?.kind === 'callback_answer_lost' && ends.length === 0;
      const { elapsedMs, sent } = end;
      ends.push(isLost ? { elapsedMs, sent, failure: 'a fault lost the answer' } : end);
      if (isDelivered(ends.at(-1))) break;
      if (ends.length < callback.maxAttempts) await pause(RETRY_AFTER_MS, signal);
    }
    this.#active -= 1;
    leave();
    this.#next();
    return this.#end(callback, at, ends, fault);
  }

  #next(): void {
    if (this.#isLeaving || this.#active >= MAX_CONNECTIONS) return;
    const begin = this.#turns.shift();
    if (begin === undefined) return;
    this.#active += 1;
    this.#isLeaving = true;
    begin();
  }

  #end(
    { action, roomId, userId, url, body }: Callback,
    at: Date,
    ends: readonly PostEnd[],
    fault: Fault | undefined,
  ): PostEnd | undefined {
    const last = ends.at(-1);
    const attempts = ends.map(({ elapsedMs, httpStatus, answer, failure }) => ({
      elapsedMs,
      httpStatus,
      answer: answer?.toString('utf8').slice(0, SHOWN_ANSWER),
      failure,
    }));
    const shown: SentCallback = {
      action,
      at,
      roomId,
      userId,
      url: this.#shown(url),
      body: { ...body, [signatureIn(body)]: WITHHELD },
      attempts,
      outcome: isDelivered(last) ? 'delivered' : 'failed',
      ...(fault !== undefined && { fault: fault.kind }),
    };
    if (!this.#closing.signal.aborted) {
      const answers = attempts.reduce(
        (sum, { answer = '' }) => sum + CALLBACK_BYTES / 8 + answer.length * 2,
        0,
      );
      this.#sent.add(shown, bytesOf({ url, body }) + answers);
    }
    return last;
  }

  #shown({ origin, pathname, search }: URL): string {
    return origin + this.#parts.secrets.withheldFrom({ url: pathname + search, headers: {} }).url;
  }
}

function isDelivered(end: PostEnd | undefined): boolean {
  return end?.httpStatus === 200;
}

function bytesOf({ url, body }: Pick<Callback, 'url' | 'body'>): number {
  const texts = Object.values(body).reduce<number>((sum, value) => sum + String(value).length * 2, 0);
  return CALLBACK_BYTES + url.href.length + texts;
}

function signatureIn(body: Callback['body']): string {
  return 'Signature' in body ? 'Signature' : 'signature';
}

function withWrongSignature(body: Callback['body']): Callback['body'] {
  const name = signatureIn(body);
  const right = String(body[name]);
  return { ...body, [name]: right.slice(0, -1) + (right.endsWith('0') ? '1' : '0') };
}

/** Ends early, and well, when all of it ends. */
async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  await sleep(delayMs, undefined, { signal }).catch(() => undefined);
}
