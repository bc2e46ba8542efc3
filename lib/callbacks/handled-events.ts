import type { LimitedLog } from '../diagnostics/limited-log.js';
import { describeThrown } from '../errors/thrown.js';
import { waitFor } from '../waiting/time-box.js';
import type { EventRedis } from './callback-options.js';
import { Refusal } from './callback-request.js';
import type { EventSettings } from './callback-settings.js';
import type { Handler } from './find-handlers.js';
import type { SignedEvent } from './read-event.js';

/** Two for each event. With IDs of the length of a UUID, they take some 50 MB. */
const MAX_KEYS = 200_000;
/** A client that is not connected lets commands wait. */
const REDIS_LIMIT_MS = 500;
/** How long Redis is left alone after a failure, in milliseconds. */
const REDIS_PAUSE_MS = 5_000;

/** The calls of a handler for an event. */
export interface Call {
  /** Whether the last of them has failed, or takes too long. */
  readonly mayRepeat: boolean;
  /** Resolves when one of them has succeeded, and rejects when all have failed. */
  readonly success: Promise<unknown>;
}

/** An event that came lately. */
export interface KnownEvent {
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
  #redisFrom = -Infinity;

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
  async find(signed: SignedEvent): Promise<KnownEvent> {
    const { content } = signed;
    const keys = keysOf(signed);
    const stored = await this.#ask(keys, (redis, key) => redis.get(key));
    const now = this.now();
    const [bySignature, byId] = keys.map((key) => {
      const known = this.#known.get(key);
      return known !== undefined && now < known.event.until ? known : undefined;
    });
    if ((stored[0] ?? bySignature?.content ?? content) !== content) {
      throw new Refusal(409, 'its signature came before with another EventType or EventData');
    }
    const found = (bySignature ?? byId)?.event ?? { until: now + this.#keepMs, calls: new Map() };
    const known = bySignature ?? { content, event: found };
    for (const key of keys) this.#add(key, known);
    if (stored.some((one) => typeof one === 'string')) found.calls = undefined;
    return found;
  }

  /** Remembers that all handlers have succeeded. */
  async setHandled(signed: SignedEvent, known: KnownEvent): Promise<void> {
    if (known.calls === undefined) return;
    known.calls = undefined;
    await this.#ask(keysOf(signed), (redis, key) => redis.set(key, signed.content, 'PX', this.#keepMs));
  }

  #add(added: string, known: Known): void {
    if (this.#known.get(added)?.event === known.event) return;
    this.#known.delete(added);
    this.#known.set(added, known);
    for (const [key, oldest] of this.#known) {
      const isRecent = this.now() < oldest.event.until;
      if (isRecent && this.#known.size <= MAX_KEYS) break;
      this.#known.delete(key);
      const line = `More than ${MAX_KEYS / 2} events: the oldest are forgotten, and would be handled again.`;
      if (isRecent && this.settings.redis === undefined) this.log.write('warn', 'forgotten', line);
    }
  }

  /** One command for each key, since the keys may be on different nodes of a Cluster. */
  async #ask<T>(
    keys: readonly string[],
    command: (redis: EventRedis, key: string) => Promise<T>,
  ): Promise<T[]> {
    const redis = this.settings.redis?.open();
    if (redis === undefined || this.now() < this.#redisFrom) return [];
    const prefix = `rtc:event:${this.appId}:${this.settings.path}`;
    const asked = keys.map(async (key) => await command(redis, `${prefix}:${key}`));
    try {
      return await waitFor(Promise.all(asked), REDIS_LIMIT_MS);
    } catch (error) {
      this.#redisFrom = this.now() + REDIS_PAUSE_MS;
      const line = 'Events are remembered in this process alone, since Redis fails';
      this.log.write('warn', 'redis', `${line}: ${describeThrown(error)}`);
      return [];
    }
  }
}

function keysOf({ event, signature }: SignedEvent): string[] {
  return [`signature:${signature}`, `id:${event.type}:${event.id}`];
}
