import type { Cluster, ClusterNode, ClusterOptions, Redis, RedisOptions } from 'ioredis';
import { redisConnection } from '../config/redis-connection-rule.js';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import type { OptionTable, OptionValues } from '../options/option-table.js';
import { readOptions } from '../options/read-options.js';
import { hasMethods, must, share, text, wholeNumber } from '../options/rules.js';

/** A connection to a Redis Cluster. */
export interface RedisClusterConnection {
  /** Some of its nodes; the others are found. */
  readonly nodes: readonly ClusterNode[];
  /** ioredis's own options for a cluster. */
  readonly options?: ClusterOptions | undefined;
}

/** What `new RedisQuota()` takes: either `client` or `connection`, and how to behave. */
export interface RedisQuotaOptions {
  /**
   * A connection of the app's, of ioredis 5 or 6. The app closes it. Let it connect again soon after it was lost
   * (`retryStrategy: () => 200`), since as long as it takes, this process does not share the quota.
   */
  readonly client?: Redis | Cluster | undefined;
  /**
   * What to connect with: a URL (`redis://…`, `rediss://…`), options of ioredis (with `sentinels` and `name` to
   * find the primary by Sentinel), or the `nodes` of a Cluster. What they say of trying again and of ends is set right.
   * The connection is closed with the last module that uses it.
   */
  readonly connection?: string | RedisOptions | RedisClusterConnection | undefined;
  /**
   * What share of the limit this process keeps to while Redis is away, from above 0 to 1: with four processes
   * 0.25. Without it, nothing is sent meanwhile, and calls are refused with an RtcQuotaError.
   */
  readonly fallbackShare?: number | undefined;
  /**
   * How long Redis may take to answer before it counts as away, in milliseconds (10–60,000). Default 500. The first
   * connection may take 3 s, for which the first calls wait.
   */
  readonly timeoutMs?: number | undefined;
  /**
   * A name for the vendor's account whose quota it is: the same in all processes. Needed where credentials come
   * from a provider or are temporary; else the access key's ID stands for it.
   */
  readonly account?: string | undefined;
  /** What the key in Redis begins with. Default `nestjs-rtc-messaging:quota:`. */
  readonly keyPrefix?: string | undefined;
}

export const REDIS_QUOTA_OPTIONS = {
  client: must<Redis | Cluster>('a Redis or a Cluster of ioredis', (given) =>
    hasMethods(given, 'defineCommand'),
  ),
  connection: redisConnection<string | RedisOptions | RedisClusterConnection>(false),
  fallbackShare: share,
  timeoutMs: { rule: wholeNumber(10, 60_000), default: 500 },
  account: text(/./, 'must not be empty'),
  keyPrefix: {
    rule: text(/^[^{}]*$/, 'must have no braces, which are for the hash tag'),
    default: 'nestjs-rtc-messaging:quota:',
  },
} satisfies OptionTable<RedisQuotaOptions>;

/** The options with their defaults. */
export type CheckedOptions = OptionValues<typeof REDIS_QUOTA_OPTIONS>;

/** @throws RtcConfigError listing everything that is wrong, and no value, which may hold a password */
export function checkOptions(given: RedisQuotaOptions): CheckedOptions {
  const { values, problems } = readOptions(REDIS_QUOTA_OPTIONS, given, 'RedisQuota');
  const { client, connection } = values;
  const isWrong = problems.some(({ option }) => /^RedisQuota(\.client|\.connection|$)/.test(option));
  if (!isWrong && (client === undefined) === (connection === undefined)) {
    problems.push({
      option: 'RedisQuota.connection',
      message: 'must be given, or client in its place, and not both',
    });
  }
  if (problems.length > 0) throw new RtcConfigError(problems);
  return values;
}
