import { hash } from 'node:crypto';
import type { LimitedLog } from '../diagnostics/limited-log.js';
import { describeThrown } from '../errors/thrown.js';
import { waitFor } from '../waiting/time-box.js';
import type { EventRedis } from './callback-options.js';
import { Refusal } from './callback-request.js';
import type { EventSettings } from './callback-settings.js';
import type { Handler } from './find-handlers.js';
import type { SignedEvent } from './read-event.js';

/** Two for each event, of one length. They take some 50 MB. */
const MAX_KEYS = 200_000;
/** A client that is not connected lets commands wait. */
const REDIS_LIMIT_MS = 500;

/** The calls of a handler for an event. */
export interface Call {
  /** Whether the last of them has failed, or takes too long. */
  readonly mayRepeat: boolean;
  /** Resolves when one of them has succeeded, and rejects when all have failed. */
  readonly success: Promise<unknown>;
}

/** An event that came lately. */
export interface KnownEvent {
  /** The key of its own ID. */
  readonly id: string;
  readonly until: number;
  /** Undefined: all handlers have succeeded. */
  calls: Map<Handler, Call> | undefined;
}

/** What came under one signature. The same event may come under another, signed again. */
interface Known {
  readonly content: string;
  readonly event: KnownEvent;
}

/**
 * The events that came lately. An event is recognised by its ID and by its signature: the signature stays valid when
 * characters move from one field to another, and so when the ID is changed. A copy whose type or data were changed
 * that way is refused, so that neither it nor its original is taken for the other.
 *
 * Redis knows those that were handled in any process. If it does not answer, an event may be handled twice, and none is
 * lost.
 */
export class HandledEvents {
  /** Oldest first. When it is full, the oldest are forgotten. */
  readonly #known = new Map<string, Known>();

  readonly #keepMs: number;

  /** @param now monotonic milliseconds */
  constructor(
    private readonly appId: string,
    private readonly settings: Pick<EventSettings, 'maxAgeMs' | 'path' | 'redis'>,
    private readonly log: LimitedLog,
    private readonly now: () => number = () => performance.now(),
  ) {
    // From the earliest time at which an event is accepted to the latest.
    this.#keepMs = 2 * settings.maxAgeMs;
  }

  /**
   * What is known of an event. From now on, it is known.
   * @throws Refusal
   */
  async find({ event, signature, content }: SignedEvent): Promise<KnownEvent> {
    const keys = [signature, hash('sha256', event.id, 'base64url')] as const;
    const stored = await this.#ask((redis, key) => redis.get(key), ...keys);
    const [bySignature, byId] = keys.map((key) => {
      const known = this.#known.get(key);
      return known !== undefined && this.now() < known.event.until ? known : undefined;
    });
    const earlier = stored[0] ?? bySignature?.content;
    if ((earlier ?? content) !== content) {
      throw new Refusal(409, 'its signature came before with another EventType or EventData');
    }
    const until = this.now() + this.#keepMs;
    const found = (bySignature ?? byId)?.event ?? { id: keys[1], until, calls: new Map<Handler, Call>() };
    // The ID of a copy may be that of another event.
    const added = earlier === undefined ? keys : keys.slice(0, 1);
    for (const key of added) this.#add(key, { content, event: found });
    if (stored.some((one) => typeof one === 'string')) found.calls = undefined;
    return found;
  }

  /** Remembers that all handlers have succeeded. */
  async setHandled({ signature, content }: SignedEvent, known: KnownEvent): Promise<void> {
    if (known.calls === undefined) return;
    known.calls = undefined;
    const set = (redis: EventRedis, key: string) => redis.set(key, content, 'PX', this.#keepMs);
    await this.#ask(set, signature, known.id);
  }

  #add(added: string, known: Known): void {
    if (this.#known.get(added)?.event === known.event) return;
    this.#known.delete(added);
    this.#known.set(added, known);
    for (const [key, oldest] of this.#known) {
      if (this.now() < oldest.event.until && this.#known.size <= MAX_KEYS) break;
      this.#known.delete(key);
    }
  }

  /** One command for each key, since the keys may be on different nodes of a Cluster. */
  async #ask<T>(
    command: (redis: EventRedis, key: string) => Promise<T>,
    ...keys: readonly string[]
  ): Promise<T[]> {
    const redis = this.settings.redis?.open();
    if (redis === undefined) return [];
    const prefix = `rtc:event:${this.appId}:${this.settings.path}`;
    const asked = keys.map(async (key) => await command(redis, `${prefix}:${key}`));
    try {
      return await waitFor(Promise.all(asked), REDIS_LIMIT_MS);
    } catch (error) {
      const line = 'Events are remembered in this process alone, since Redis fails';
      this.log.write('warn', 'redis', `${line}: ${describeThrown(error)}`);
      return [];
    }
  }
}
