import { Cluster, type ClusterNode, type ClusterOptions, Redis, type RedisOptions } from 'ioredis';
import { RtcConfigError } from '../errors/rtc-config.error.js';

/** A Redis Cluster, by some of its nodes. */
export interface FanOutQueueCluster {
  /** Some of its nodes; the others are found. */
  readonly nodes: ClusterNode[];
  /** ioredis's own options for a cluster. */
  readonly options?: ClusterOptions;
}

/** What a connection to Redis is made from; see {@link RtcFanOutQueueOptions.connection}. */
export type FanOutQueueConnection = string | RedisOptions | FanOutQueueCluster | Redis | Cluster;

export type RedisClient = Redis | Cluster;

/** How long the boot waits for Redis. */
const CONNECT_MS = 10_000;

/**
 * A connection of our own, also when the app gives a client: closing it, and what BullMQ needs of it, must not
 * concern the app's.
 */
export function openConnection(given: FanOutQueueConnection): RedisClient {
  // BullMQ waits for jobs in a command that must not be given up, and its clients must not rename keys.
  const needs = { maxRetriesPerRequest: null, keyPrefix: '' };
  if (typeof given === 'string') return new Redis(given, needs);
  if (isCluster(given)) return given.duplicate(undefined, { keyPrefix: '', redisOptions: needs });
  if (isRedis(given)) return given.duplicate(needs);
  if ('nodes' in given && Array.isArray(given.nodes)) {
    const options = given.options as ClusterOptions | undefined;
    return new Cluster(given.nodes as ClusterNode[], {
      ...options,
      keyPrefix: '',
      redisOptions: { ...options?.redisOptions, maxRetriesPerRequest: null },
    });
  }
  return new Redis({ ...(given as RedisOptions), ...needs });
}

/** @throws RtcConfigError when Redis does not answer in time; no message of Redis's holds a password */
export async function requireReachable(client: RedisClient, timeoutMs: number = CONNECT_MS): Promise<void> {
  let last = '';
  const note = (error: Error): void => void (last = error.message);
  client.on('error', note);
  let timer: NodeJS.Timeout | undefined;
  try {
    await Promise.race([
      client.ping(),
      new Promise((_resolve, reject) => {
        timer = setTimeout(() => reject(new Error(last || 'no answer')), timeoutMs);
      }),
    ]);
  } catch (error) {
    client.disconnect();
    const why = error instanceof Error ? error.message : 'no answer';
    throw new RtcConfigError([
      { option: 'RtcFanOutQueueModule.connection', message: `Redis can't be used: ${why}` },
    ]);
  } finally {
    clearTimeout(timer);
    client.off('error', note);
  }
}

// By what is asked of them: the app may have another copy of ioredis.
function isCluster(given: object): given is Cluster {
  return 'isCluster' in given && given.isCluster === true;
}

function isRedis(given: object): given is Redis {
  return 'duplicate' in given && typeof given.duplicate === 'function';
}
