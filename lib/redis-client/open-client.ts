import { Cluster, type ClusterNode, type ClusterOptions, Redis, type RedisOptions } from 'ioredis';

export type RedisClient = Redis | Cluster;

/** A connection to a Redis Cluster. */
export interface RedisClusterConnection {
  /** Some of the Cluster's nodes. The others are found. */
  readonly nodes: readonly ClusterNode[];
  /** ioredis's own options for a cluster. */
  readonly options?: ClusterOptions | undefined;
}

/** What a client is made from: a URL, options of ioredis, some nodes of a Cluster, or a client, which is duplicated. */
export type RedisTarget = string | RedisOptions | RedisClusterConnection | Redis | Cluster;

/** Interval between attempts to reconnect. Short, since nothing is sent meanwhile, and not so short as to flood Redis. */
const RECONNECT_MS = 200;
/** Time limit for a Sentinel's answer, and interval for reconnecting to a lost Sentinel. */
const SENTINEL_MS = 1_000;
const reconnect = (): number => RECONNECT_MS;

/** Options of every connection that are not the app's to choose. */
const OWN_OPTIONS: RedisOptions = {
  // Commands wait for the first connection.
  lazyConnect: false,
  enableOfflineQueue: true,
  retryStrategy: reconnect,
  sentinelRetryStrategy: reconnect,
  sentinelCommandTimeout: SENTINEL_MS,
  sentinelReconnectStrategy: () => SENTINEL_MS,
  failoverDetector: true,
  // After a failover, the other node accepts writes. The former primary may not know that yet. Older servers say it
  // within a script's own error.
  reconnectOnError: ({ message }) => /(^| -)READONLY /.test(message),
  // A closing socket must not keep the process alive.
  disconnectTimeout: 200,
};

/**
 * Opens a connection of our own.
 * @param options that are not the app's to choose, in addition to those of every connection
 * @param ofCluster the same for a Cluster
 */
export function openClient(
  given: RedisTarget,
  options: RedisOptions,
  ofCluster: ClusterOptions = {},
): RedisClient {
  const own = { ...OWN_OPTIONS, ...options };
  const ownOfCluster = (app?: ClusterOptions): ClusterOptions => ({
    ...app,
    lazyConnect: false,
    enableOfflineQueue: true,
    clusterRetryStrategy: reconnect,
    ...ofCluster,
    redisOptions: { ...app?.redisOptions, ...own },
  });
  if (typeof given === 'string') return new Redis(withoutOptions(given, own), own);
  if (isCluster(given)) return given.duplicate(undefined, ownOfCluster(given.options));
  if ('duplicate' in given) return given.duplicate(own);
  if (!('nodes' in given)) return new Redis({ ...given, ...own });
  const nodes = given.nodes.map((node) =>
    typeof node === 'string' && URL.canParse(node) ? withoutOptions(node, own) : node,
  );
  return new Cluster(nodes, ownOfCluster(given.options));
}

/** Removes options from a URL's query, since ioredis prefers these to the options beside the URL. */
function withoutOptions(url: string, options: object): string {
  const parsed = new URL(url);
  for (const name of Object.keys(options)) parsed.searchParams.delete(name);
  return parsed.href;
}

/** The connections that it consists of: in a cluster, one to each node that it knows. */
export function connectionsOf(client: RedisClient): Redis[] {
  return isCluster(client) ? client.nodes() : [client as Redis];
}

// By what is asked of it: the app may have another copy of ioredis.
export function isCluster(given: object): given is Cluster {
  return 'isCluster' in given && given.isCluster === true;
}
