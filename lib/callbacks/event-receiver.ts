import { hash } from 'node:crypto';
import type { LimitedLog } from '../diagnostics/limited-log.js';
import { describeThrown } from '../errors/thrown.js';
import { waitFor } from '../waiting/time-box.js';
import type { EventRedis } from './callback-options.js';
import { type Fields, refuse } from './callback-request.js';
import type { EventSettings } from './callback-settings.js';
import type { Handler } from './find-handlers.js';
import { readEvent, type SignedEvent } from './read-event.js';

/**
 * How long a request waits for a handler, and a handler is not called again, in milliseconds. The service tries three
 * times and waits five seconds each time: its second try still waits for the first call, and its third one comes late
 * enough for another.
 */
const CALL_LIMIT_MS = { handled: 8_000, early: 60_000 };
/** Two for each event, of one length. They take some 50 MB. */
const MAX_KEYS = 200_000;
/** A client that is not connected lets commands wait. */
const REDIS_LIMIT_MS = 500;

type Calls = Map<Handler, Promise<unknown>>;
type Command<T> = (redis: EventRedis, key: string) => Promise<T>;

/** An event that came lately. */
interface KnownEvent {
  /** The key of its ID. */
  readonly id: string;
  readonly content: string;
  /** The calls that are under way or have succeeded. Undefined: all handlers have succeeded. */
  calls: Calls | undefined;
}

/**
 * Takes the service's events, and has the app handle each. An event is recognised by its ID and by its signature: the
 * signature stays valid when characters move from one field to another, and so when the ID is changed. A copy whose type
 * or data were changed that way is refused, so that neither it nor its original is taken for the other.
 *
 * Redis knows those that were handled in any process. If it does not answer, an event may be handled twice, and none is
 * lost.
 */
export class EventReceiver {
  /** Oldest first. When it is full, the oldest are forgotten. */
  readonly #known = new Map<string, KnownEvent>();

  /** @param handlers the app's; they may be added later */
  constructor(
    private readonly appId: string,
    private readonly settings: EventSettings,
    private readonly handlers: readonly Handler[],
    private readonly log: LimitedLog,
    private readonly callLimitMs: number = CALL_LIMIT_MS[settings.acknowledge],
  ) {}

  /** @throws HttpException */
  async receive(fields: Fields): Promise<void> {
    const signed = readEvent(fields, this.appId, this.settings, Date.now());
    const { type } = signed.event;
    const handlers = this.handlers.filter(({ types }) => types.includes('*') || types.includes(type));
    // What nobody handles is not remembered either: it may be a changed copy of an event that somebody does.
    const known = handlers.length > 0 ? await this.#find(signed) : undefined;
    const calls = known?.calls;
    if (!known || !calls) return;
    const successes = handlers.map((handler) => this.#call(handler, signed, calls));
    // Also when no request waits for it any more.
    const work = Promise.all(successes).then(() => this.#setHandled(signed, known));
    // Its failure is in the log.
    if (this.settings.acknowledge === 'early') work.catch(() => undefined);
    else await waitFor(work, this.callLimitMs).catch(() => refuse(500, 'a handler failed, or has not ended'));
  }

  /** Starts a call of the handler, if none is under way or has succeeded. */
  #call(handler: Handler, { event }: SignedEvent, calls: Calls): Promise<unknown> {
    const earlier = calls.get(handler);
    if (earlier !== undefined) return earlier;
    const call = handler.run(event);
    calls.set(handler, call);
    const giveUp = (why: string): void => {
      if (calls.get(handler) === call) calls.delete(handler);
      this.log.write('error', handler.label, `${handler.label} failed to handle ${event.type}: ${why}`);
    };
    const limit = setTimeout(giveUp, this.callLimitMs, `no end in ${this.callLimitMs} ms`);
    // A process that has closed does not stay for a call that hangs.
    limit.unref();
    call
      // One that was given up may still succeed.
      .then(() => calls.set(handler, call))
      .catch((error: unknown) => giveUp(describeThrown(error)))
      .finally(() => clearTimeout(limit));
    return call;
  }

  /**
   * What is known of an event. From now on, it is known.
   * @throws HttpException
   */
  async #find({ event, signature, content }: SignedEvent): Promise<KnownEvent> {
    const id = hash('sha256', event.id, 'base64url');
    const [handledAs, handledId] = await this.#ask([signature, id], (redis, key) => redis.get(key));
    const bySignature = this.#known.get(signature);
    const earlier = handledAs ?? bySignature?.content;
    if ((earlier ?? content) !== content)
      refuse(409, 'its signature came before with another EventType or EventData');
    const known = bySignature ?? this.#known.get(id) ?? { id, content, calls: new Map() };
    if (typeof (handledAs ?? handledId) === 'string') known.calls = undefined;
    // The ID of a copy may be that of another event.
    for (const key of earlier === undefined ? [signature, id] : [signature]) {
      if (!this.#known.has(key)) this.#known.set(key, known);
      const [oldest] = this.#known.size > MAX_KEYS ? this.#known.keys() : [];
      if (oldest !== undefined) this.#known.delete(oldest);
    }
    return known;
  }

  /** Remembers that all handlers have succeeded. */
  async #setHandled({ signature, content }: SignedEvent, known: KnownEvent): Promise<void> {
    if (known.calls === undefined) return;
    known.calls = undefined;
    // From the earliest time at which the event is accepted to the latest.
    const keepMs = 2 * this.settings.maxAgeMs;
    await this.#ask([signature, known.id], (redis, key) => redis.set(key, content, 'PX', keepMs));
  }

  /** Sends a command for each key, since the keys may be on different nodes of a Cluster. */
  async #ask<T>(keys: readonly string[], command: Command<T>): Promise<T[]> {
    const redis = this.settings.redis?.open();
    if (redis === undefined) return [];
    const prefix = `rtc:event:${this.appId}:${this.settings.path}`;
    try {
      const asked = keys.map(async (key) => await command(redis, `${prefix}:${key}`));
      return await waitFor(Promise.all(asked), REDIS_LIMIT_MS);
    } catch (error) {
      const line = 'Events are remembered in this process alone, since Redis fails';
      this.log.write('warn', 'redis', `${line}: ${describeThrown(error)}`);
      return [];
    }
  }
}
