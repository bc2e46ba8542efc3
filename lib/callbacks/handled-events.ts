import type { LimitedLog } from '../diagnostics/limited-log.js';
import { describeThrown } from '../errors/thrown.js';
import { waitFor } from '../waiting/time-box.js';
import type { EventRedis } from './callback-options.js';
import type { EventSettings } from './callback-settings.js';

/** Two for each event. They take some 30 MB. */
const MAX_KEYS = 200_000;
/** A client that is not connected lets commands wait. */
const REDIS_LIMIT_MS = 1_000;

/** Who has handled an event: everyone (true), or some. */
export type HandledBy = true | Set<unknown>;

/**
 * The events that were handled lately, by keys. Redis knows those that everyone has handled, in any process. If it does
 * not answer, an event may be handled twice, and none is lost.
 */
export class HandledEvents {
  /** Oldest first. When it is full, the oldest are forgotten. */
  readonly #known = new Map<string, { readonly by: HandledBy; readonly until: number }>();

  readonly #keepMs: number;

  /** @param now monotonic milliseconds */
  constructor(
    private readonly appId: string,
    private readonly settings: Pick<EventSettings, 'maxAgeMs' | 'redis'>,
    private readonly log: LimitedLog,
    private readonly now: () => number = () => performance.now(),
  ) {
    // From the earliest time at which an event is accepted to the latest.
    this.#keepMs = 2 * settings.maxAgeMs;
  }

  async get(keys: readonly string[]): Promise<HandledBy | undefined> {
    const now = this.now();
    const known = keys.map((key) => this.#known.get(key)).find((one) => one !== undefined && now < one.until);
    if (known?.by === true) return true;
    const found = await this.#ask(keys, (redis, key) => redis.exists(key));
    return found.includes(1) ? true : known?.by;
  }

  async set(keys: readonly string[], by: HandledBy): Promise<void> {
    const now = this.now();
    for (const key of keys) {
      this.#known.delete(key);
      this.#known.set(key, { by, until: now + this.#keepMs });
    }
    for (const [oldest, { until }] of this.#known) {
      if (now < until && this.#known.size <= MAX_KEYS) break;
      this.#known.delete(oldest);
    }
    if (by === true) await this.#ask(keys, (redis, key) => redis.set(key, '1', 'PX', this.#keepMs));
  }

  /** One command for each key, since the keys may be on different nodes of a Cluster. */
  async #ask(
    keys: readonly string[],
    command: (redis: EventRedis, key: string) => Promise<unknown>,
  ): Promise<unknown[]> {
    const redis = this.settings.redis?.open();
    if (redis === undefined) return [];
    const asked = keys.map(async (key) => await command(redis, `rtc:event:${this.appId}:${key}`));
    return await waitFor(Promise.all(asked), REDIS_LIMIT_MS).catch((error: unknown) => {
      const line = 'Events are remembered in this process alone, since Redis fails';
      this.log.write('warn', 'redis', `${line}: ${describeThrown(error)}`);
      return [];
    });
  }
}
