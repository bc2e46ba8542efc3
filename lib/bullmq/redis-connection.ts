import type { LoggerService } from '@nestjs/common';
import { Cluster, type ClusterNode, type ClusterOptions, Redis, type RedisOptions } from 'ioredis';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import { isError } from '../errors/thrown.js';

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

/** How long the boot waits for Redis, and after how long it says that it does. */
const CONNECT_MS = 10_000;
const TELL_MS = 500;
/** A Redis that is there answers within this time, if it is not to be taken for one that stands still. */
const ANSWER_MS = 1_000;
/** A process that has closed its app is not to be kept for a socket that does not end. */
const DISCONNECT_MS = 200;

/**
 * A connection of our own, also when the app gives a client: closing it, and what BullMQ needs of it, must not
 * concern the app's.
 */
export function openConnection(given: FanOutQueueConnection): RedisClient {
  if (typeof given === 'string') return new Redis(given, needsOf({}));
  if (isCluster(given)) {
    return given.duplicate(undefined, { keyPrefix: '', redisOptions: needsOf(given.options.redisOptions) });
  }
  if (isRedis(given)) return given.duplicate(needsOf(given.options));
  if ('nodes' in given && Array.isArray(given.nodes)) {
    const options = given.options as ClusterOptions | undefined;
    return new Cluster(given.nodes as ClusterNode[], {
      ...options,
      keyPrefix: '',
      redisOptions: { ...options?.redisOptions, ...needsOf(options?.redisOptions) },
    });
  }
  const options = given as RedisOptions;
  return new Redis({ ...options, ...needsOf(options) });
}

/** What is not the app's to choose. */
function needsOf({ reconnectOnError: own }: RedisOptions = {}): RedisOptions {
  return {
    // BullMQ waits for jobs in a command that must not be given up, and its clients must not rename keys.
    maxRetriesPerRequest: null,
    keyPrefix: '',
    disconnectTimeout: DISCONNECT_MS,
    // After a failover, the other node is the one that can be written to.
    reconnectOnError: (error) => own?.(error) || isReadOnly(error),
  };
}

/** Older servers say it within a script's own error. */
function isReadOnly({ message }: Error): boolean {
  return /(^| -)READONLY /.test(message);
}

/**
 * Waits until Redis answers, since app and Redis are often started at the same time, and sees whether it can be
 * written to.
 * @param key of ours: what is written is nothing
 * @throws RtcConfigError when it does not answer in time, or refuses; no message of Redis's holds a password
 */
export async function requireWritable(
  client: RedisClient,
  key: string,
  logger: Pick<LoggerService, 'warn'>,
): Promise<void> {
  let last: string | undefined;
  const note = (error: Error): void => void (last = error.message);
  client.on('error', note);
  const telling = setTimeout(
    () =>
      logger.warn(
        `Redis does not answer yet (${last ?? 'no connection'}). ` +
          `The app starts when it does, or fails after ${CONNECT_MS / 1_000} s.`,
      ),
    TELL_MS,
  );
  let failing: NodeJS.Timeout | undefined;
  try {
    await Promise.race([
      // Removing what is not there: a replica refuses that as well, and a full Redis does not.
      client.srem(key, 'nothing'),
      new Promise((_resolve, reject) => {
        failing = setTimeout(() => reject(new Error(last ?? 'no answer')), CONNECT_MS);
      }),
    ]);
  } catch (error) {
    client.disconnect();
    const why = isError(error) ? error.message : 'no answer';
    throw new RtcConfigError([
      { option: 'RtcFanOutQueueModule.connection', message: `Redis can't be used: ${withAdvice(why)}` },
    ]);
  } finally {
    clearTimeout(telling);
    clearTimeout(failing);
    client.off('error', note);
  }
}

/**
 * Whether Redis is there: a refusal is an answer as well.
 * @param key of ours
 */
export async function answers(client: RedisClient, key: string): Promise<boolean> {
  if (client.status !== 'ready') return false;
  let waiting: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      client.exists(key).then(() => true, isRefusal),
      new Promise<boolean>((resolve) => {
        // Then what came in meanwhile is read first: this process may have stood still, not Redis.
        waiting = setTimeout(() => setImmediate(resolve, false), ANSWER_MS);
      }),
    ]);
  } finally {
    clearTimeout(waiting);
  }
}

function isRefusal(error: unknown): boolean {
  return isError(error) && error.name === 'ReplyError';
}

function withAdvice(why: string): string {
  if (!why.startsWith('READONLY')) return why;
  return `${why.replace(/\.$/, '')}; connect to the primary, or by Sentinel or Cluster options`;
}

// By what is asked of them: the app may have another copy of ioredis.
function isCluster(given: object): given is Cluster {
  return 'isCluster' in given && given.isCluster === true;
}

function isRedis(given: object): given is Redis {
  return 'duplicate' in given && typeof given.duplicate === 'function';
}
