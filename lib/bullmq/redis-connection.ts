import type { Cluster, ClusterNode, ClusterOptions, Redis, RedisOptions } from 'ioredis';
import { isCluster, openClient, type RedisClient } from '../redis/open-client.js';

/** A Redis Cluster, by some of its nodes. */
export interface FanOutQueueCluster {
  /** Some of its nodes; the others are found. */
  readonly nodes: ClusterNode[];
  /** ioredis's own options for a cluster. */
  readonly options?: ClusterOptions;
}

/** What a connection to Redis is made from; see {@link RtcFanOutQueueOptions.connection}. */
export type FanOutQueueConnection = string | RedisOptions | FanOutQueueCluster | Redis | Cluster;

/** Time limit for a connection. A secure one takes several round trips. */
const CONNECT_MS = 3_000;
/** A process that has closed its app is not to be kept for a socket that does not end. */
const DISCONNECT_MS = 200;
/** A Redis that is away is looked for at least so often, and so is a Sentinel that was lost. */
const LONGEST_PAUSE_MS = 1_000;
/** How long a Sentinel may take to say who the primary is. Then the next one is asked. */
const SENTINEL_MS = 1_000;
/** How long nodes have at least to say who has which slots, as ioredis has it: with less, none would be known. */
const SLOTS_MS = 1_000;
/** How long a command waits that a node of a Cluster sends elsewhere: slots move, and nodes take over. */
const REDIRECT_MS = 100;

/**
 * A connection of our own, also when the app gives a client: closing it, and what BullMQ needs of it, must not
 * concern the app's.
 */
export function openConnection(given: FanOutQueueConnection): RedisClient {
  const client = open(given);
  // Each of BullMQ's queues and workers, and each wait for a connection, has listeners of its own. Not 0, to which
  // BullMQ adds what it needs.
  client.setMaxListeners(Number.POSITIVE_INFINITY);
  client.on('end', () => rejectUnfulfilled(client));
  return client;
}

/**
 * What was under way when a connection was lost is kept apart while the next one begins. If the client ends then,
 * ioredis forgets it, and callers would wait for ever.
 */
function rejectUnfulfilled(client: object): void {
  const { prevCommandQueue: kept } = client as { prevCommandQueue?: Unfulfilled | null };
  for (let item = kept?.shift(); item !== undefined; item = kept?.shift()) {
    item.command.reject(new Error('Connection is closed.'));
  }
}

/** A part of ioredis's, and not public. */
interface Unfulfilled {
  shift(): { readonly command: { reject(error: Error): void } } | undefined;
}

function open(given: FanOutQueueConnection): RedisClient {
  if (typeof given === 'string' || !isClient(given)) return openClient(given, needsOf, clusterNeedsOf);
  if (isCluster(given)) return given.duplicate(undefined, clusterNeedsOf(given.options));
  return given.duplicate(needsOf(given.options));
}

/** What is not the app's to choose. */
function needsOf(own: RedisOptions = {}): RedisOptions {
  return {
    // BullMQ waits for jobs in a command that must not be given up, and its clients must not rename keys.
    maxRetriesPerRequest: null,
    connectTimeout: Math.min(own.connectTimeout ?? CONNECT_MS, CONNECT_MS),
    commandTimeout: undefined,
    socketTimeout: undefined,
    keyPrefix: '',
    // Commands wait for Redis here, and are repeated when a connection was lost: each may be done twice.
    lazyConnect: false,
    enableOfflineQueue: true,
    autoResendUnfulfilledCommands: true,
    enableAutoPipelining: false,
    // Only so is it seen whether Redis is loading its data, and whether it is a primary.
    enableReadyCheck: true,
    // Scripts answer with numbers and lists.
    stringNumbers: false,
    replyMapping: 'legacy',
    // The app's commands could have the names of ours.
    scripts: {},
    disconnectTimeout: DISCONNECT_MS,
    retryStrategy: (times) => pauseOf(own.retryStrategy?.(times), times),
    // After a failover, the other node is the one that can be written to. The former primary may not know yet.
    reconnectOnError: (error) => own.reconnectOnError?.(error) || isReadOnly(error),
    failoverDetector: true,
    sentinelCommandTimeout: own.sentinelCommandTimeout ?? SENTINEL_MS,
    sentinelReconnectStrategy: () => LONGEST_PAUSE_MS,
    sentinelRetryStrategy: (times) => pauseOf(own.sentinelRetryStrategy?.(times), times),
  };
}

function clusterNeedsOf(own: ClusterOptions = {}): ClusterOptions {
  return {
    keyPrefix: '',
    scripts: {},
    lazyConnect: false,
    enableOfflineQueue: true,
    enableReadyCheck: true,
    enableAutoPipelining: false,
    slotsRefreshTimeout: Math.max(own.slotsRefreshTimeout ?? 0, SLOTS_MS),
    // Replicas lag behind.
    scaleReads: 'master',
    // As with one Redis, a command waits until there is a node that takes it.
    maxRedirections: Number.POSITIVE_INFINITY,
    retryDelayOnMoved: REDIRECT_MS,
    retryDelayOnTryAgain: REDIRECT_MS,
    retryDelayOnClusterDown: REDIRECT_MS,
    retryDelayOnFailover: REDIRECT_MS,
    clusterRetryStrategy: (times, reason) => pauseOf(own.clusterRetryStrategy?.(times, reason), times),
    // What waits for a node that was lost is not that node's: another one may have its slots.
    clusterNodeRetryStrategy: null,
    redisOptions: { ...own.redisOptions, ...needsOf(own.redisOptions) },
  };
}

/** @param own of the app, which may have meant that there should be an end to it */
function pauseOf(own: unknown, times: number): number {
  return Math.min(typeof own === 'number' ? own : times * 50, LONGEST_PAUSE_MS);
}

/** Older servers say it within a script's own error. */
function isReadOnly({ message }: Error): boolean {
  return /(^| -)READONLY /.test(message);
}

/** By what is asked of it, as {@link isCluster}. */
function isClient(given: object): given is RedisClient {
  return 'duplicate' in given && typeof given.duplicate === 'function';
}
