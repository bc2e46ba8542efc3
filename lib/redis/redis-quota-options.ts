import type { Cluster, ClusterNode, ClusterOptions, Redis, RedisOptions } from 'ioredis';
import { type OptionRule, text, wholeNumber } from '../config/option-rules.js';
import { type ConfigProblem, RtcConfigError } from '../errors/rtc-config.error.js';

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

/** The options with their defaults. */
export type CheckedOptions = Pick<RedisQuotaOptions, 'fallbackShare' | 'account'> &
  Required<Pick<RedisQuotaOptions, 'timeoutMs' | 'keyPrefix'>>;

const RULES: Record<keyof RedisQuotaOptions, OptionRule<unknown>> = {
  client: (value) =>
    typeof (value as { defineCommand?: unknown } | null)?.defineCommand === 'function'
      ? { value }
      : { problem: 'must be a Redis or a Cluster of ioredis' },
  connection: (value) =>
    isConnection(value)
      ? { value }
      : { problem: 'must be a URL (redis://host:6379), options of ioredis, or { nodes } of a Cluster' },
  fallbackShare: (value) =>
    Number(value) > 0 && Number(value) <= 1 && typeof value === 'number'
      ? { value }
      : { problem: 'must be a number from above 0 to 1' },
  timeoutMs: wholeNumber(10, 60_000),
  account: text(/./, 'must not be empty'),
  keyPrefix: text(/^[^{}]*$/, 'must have no braces, which are for the hash tag'),
};

/** @throws RtcConfigError listing everything that is wrong, and no value, which may hold a password */
export function checkOptions(given: RedisQuotaOptions): CheckedOptions {
  const problems: ConfigProblem[] = [];
  const reject = (option: string, message: string): void =>
    void problems.push({ option: `RedisQuota.${option}`, message });
  const options = typeof given === 'object' && given !== null ? given : {};
  for (const [name, value] of Object.entries(options)) {
    const rule = Object.hasOwn(RULES, name) ? RULES[name as keyof RedisQuotaOptions] : undefined;
    if (rule === undefined) reject(name, `is not an option; there are ${Object.keys(RULES).join(', ')}`);
    const checked = value === undefined ? undefined : rule?.(value, false);
    if (checked !== undefined && 'problem' in checked) reject(name, checked.problem);
  }
  if ((options.client === undefined) === (options.connection === undefined)) {
    reject('connection', 'must be given, or client in its place, and not both');
  }
  if (problems.length > 0) throw new RtcConfigError(problems);
  const { fallbackShare, timeoutMs = 500, account, keyPrefix = 'nestjs-rtc-messaging:quota:' } = options;
  return { fallbackShare, timeoutMs, account, keyPrefix };
}

function isConnection(value: unknown): boolean {
  if (typeof value === 'string') return /^(rediss?|unix):\/\//.test(value) && URL.canParse(value);
  if (typeof value !== 'object' || value === null) return false;
  const { nodes } = value as { nodes?: unknown };
  return nodes === undefined || (Array.isArray(nodes) && nodes.length > 0);
}
