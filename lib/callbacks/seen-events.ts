import { waitFor } from '../waiting/time-box.js';
import { RecentMap } from './recent-map.js';

/** The two commands of `ioredis` by which events are remembered. An object with these methods will do. */
export interface EventRedis {
  /** Resolves with 1 if the key exists, with 0 if not. */
  exists(key: string): Promise<number>;
  /** Sets a key that expires. */
  set(key: string, value: string, px: 'PX', milliseconds: number): Promise<unknown>;
}

/** Two for each event. They take some 20 MB. */
const MAX_KEYS = 200_000;
/** A client that is not connected lets commands wait. */
const REDIS_LIMIT_MS = 1_000;

export interface SeenEventsOptions {
  readonly appId: string;
  /** How long events are remembered, in milliseconds. */
  readonly keepMs: number;
  readonly redis: EventRedis | undefined;
  /** Redis did not answer. */
  readonly onRedisFailure: (error: unknown) => void;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/**
 * The events that were handled, by ID and by signature. Without Redis's answer, those of this process: an event may
 * then be handled twice, and none is lost.
 */
export class SeenEvents {
  readonly #keys = new RecentMap<true>(MAX_KEYS);

  constructor(private readonly options: SeenEventsOptions) {}

  async has(keys: readonly string[]): Promise<boolean> {
    const now = this.options.now();
    if (keys.some((key) => this.#keys.get(key, now))) return true;
    const found = await this.#ask((redis, key) => redis.exists(key), keys);
    return found.some((count) => count === 1);
  }

  async add(keys: readonly string[]): Promise<void> {
    const { keepMs } = this.options;
    const now = this.options.now();
    for (const key of keys) this.#keys.set(key, true, now, now + keepMs);
    await this.#ask((redis, key) => redis.set(key, '1', 'PX', keepMs), keys);
  }

  /** One command for each key, since the keys may be on different nodes of a Cluster. */
  async #ask<T>(
    command: (redis: EventRedis, key: string) => Promise<T>,
    keys: readonly string[],
  ): Promise<T[]> {
    const { redis, appId, onRedisFailure } = this.options;
    if (redis === undefined) return [];
    try {
      const answers = async (): Promise<T[]> =>
        await Promise.all(keys.map(async (key) => await command(redis, `rtc:event:${appId}:${key}`)));
      return await waitFor(answers, REDIS_LIMIT_MS);
    } catch (error) {
      onRedisFailure(error);
      return [];
    }
  }
}
