import type { RedisTarget } from '../redis-client/open-client.js';
import { redisConnection } from '../redis-client/redis-connection-rule.js';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import type { OptionTable, OptionValues } from '../options/option-table.js';
import { readOptions } from '../options/read-options.js';
import { share, text, wholeNumber } from '../options/rules.js';

/** Options of `new RedisQuota()`. */
export interface RedisQuotaOptions {
  /**
   * What to connect with: a URL (`redis://…`, `rediss://…`), options of ioredis (with `sentinels` and `name` to find
   * the primary by Sentinel), the `nodes` of a Cluster, or a client of ioredis 5 or 6, which is duplicated. Options for
   * retries and for closing are replaced. The connection is closed with the last module that uses it.
   */
  readonly connection: RedisTarget;
  /**
   * The share of the limit that this process uses while Redis is unavailable, above 0 and up to 1. Example: 0.25 with
   * four processes. Default: none, which refuses calls with an RtcQuotaError meanwhile.
   */
  readonly fallbackShare?: number | undefined;
  /**
   * Time limit for Redis's answers, in milliseconds (10–60,000). After it, Redis counts as unavailable. Default 500.
   * The first connection may take 3 s, and the first calls wait for it.
   */
  readonly timeoutMs?: number | undefined;
  /**
   * Name of the vendor's account, the same in all processes. Required if credentials come from a provider or are
   * temporary. Default: the access key's ID.
   */
  readonly account?: string | undefined;
  /** Prefix of the keys in Redis. Default `nestjs-rtc-messaging:quota:`. */
  readonly keyPrefix?: string | undefined;
}

export const REDIS_QUOTA_OPTIONS = {
  connection: { rule: redisConnection, required: true },
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

/** @throws RtcConfigError listing every problem, without values, which may hold a password */
export function checkOptions(given: RedisQuotaOptions): CheckedOptions {
  const { values, problems } = readOptions(REDIS_QUOTA_OPTIONS, given, 'RedisQuota');
  if (problems.length > 0) throw new RtcConfigError(problems);
  return values;
}
