import type { Cluster, ClusterNode, ClusterOptions, Redis, RedisOptions } from 'ioredis';
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
   * find the primary by Sentinel), or the `nodes` of a Cluster. The connection is closed with the last module that
   * uses it.
   */
  readonly connection?: string | RedisOptions | RedisClusterConnection | undefined;
  /**
   * What share of the limit this process keeps to while Redis is away, from above 0 to 1: with four processes
   * 0.25. Without it, nothing is sent meanwhile, and calls are refused with an RtcQuotaError.
   */
  readonly fallbackShare?: number | undefined;
  /** How long Redis may take to answer before it counts as away, in milliseconds (10–60,000). Default 500. */
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

const KNOWN = ['client', 'connection', 'fallbackShare', 'timeoutMs', 'account', 'keyPrefix'];

/** @throws RtcConfigError listing everything that is wrong, and no value, which may hold a password */
export function checkOptions(given: RedisQuotaOptions): CheckedOptions {
  const problems: ConfigProblem[] = [];
  const reject = (option: string, message: string): void => {
    problems.push({ option: `RedisQuota.${option}`, message });
  };
  const options = typeof given === 'object' && given !== null ? given : {};
  for (const name of Object.keys(options)) {
    if (!KNOWN.includes(name)) reject(name, `is not an option; there are ${KNOWN.join(', ')}`);
  }
  const {
    client,
    connection,
    fallbackShare,
    timeoutMs = 500,
    account,
    keyPrefix = 'nestjs-rtc-messaging:quota:',
  } = options;
  if ((client === undefined) === (connection === undefined)) {
    reject('connection', 'must be given, or client in its place, and not both');
  }
  if (client !== undefined && typeof client.evalsha !== 'function') {
    reject('client', 'must be a Redis or a Cluster of ioredis');
  }
  if (connection !== undefined && !isConnection(connection)) {
    reject('connection', 'must be a URL (redis://host:6379), options of ioredis, or { nodes } of a Cluster');
  }
  if (fallbackShare !== undefined && !(fallbackShare > 0 && fallbackShare <= 1)) {
    reject('fallbackShare', 'must be a number from above 0 to 1');
  }
  if (!(Number.isInteger(timeoutMs) && timeoutMs >= 10 && timeoutMs <= 60_000)) {
    reject('timeoutMs', 'must be a whole number from 10 to 60000');
  }
  if (account !== undefined && (typeof account !== 'string' || account === '')) {
    reject('account', 'must be a text that is not empty');
  }
  if (typeof keyPrefix !== 'string' || /[{}]/.test(keyPrefix)) {
    reject('keyPrefix', 'must be a text without braces, which are for the hash tag');
  }
  if (problems.length > 0) throw new RtcConfigError(problems);
  return { fallbackShare, timeoutMs, account, keyPrefix };
}

function isConnection(value: unknown): boolean {
  if (typeof value === 'string') return /^(rediss?|unix):\/\//.test(value) && URL.canParse(value);
  if (typeof value !== 'object' || value === null) return false;
  const { nodes } = value as { nodes?: unknown };
  return nodes === undefined || (Array.isArray(nodes) && nodes.length > 0);
}
