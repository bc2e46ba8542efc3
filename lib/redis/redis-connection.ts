import type { ClusterOptions, RedisOptions } from 'ioredis';
import { connectionsOf, openClient, type RedisClient } from './open-client.js';
import type { RedisQuotaOptions } from './redis-quota-options.js';

/**
 * Interval between attempts to reconnect. Short, since this process does not share the quota meanwhile, and long enough
 * not to flood Redis.
 */
const RECONNECT_MS = 200;
/** Time limit for a Sentinel's answer, and interval for reconnecting to a lost Sentinel. */
const SENTINEL_MS = 1_000;

/** Options that the app can't choose. */
const OWN_OPTIONS: RedisOptions = {
  retryStrategy: () => RECONNECT_MS,
  // A command from before the connection broke is useless after it.
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  // A closing socket must not keep the process alive.
  disconnectTimeout: 200,
  // After a failover, the other node accepts writes. The former primary may not know that yet.
  reconnectOnError: (error) => error.message.startsWith('READONLY'),
  failoverDetector: true,
  sentinelCommandTimeout: SENTINEL_MS,
  sentinelReconnectStrategy: () => SENTINEL_MS,
};

/**
 * The connection of one RedisQuota. It is opened for the first user, and closed after the last unless the app owns it.
 */
export class RedisConnection {
  readonly #given: RedisClient | undefined;
  readonly #connection: RedisQuotaOptions['connection'];
  #client: RedisClient | undefined;
  #users = 0;
  /** Why there is no connection. A command's own error says only that there is none. */
  #lastError: Error | undefined;

  constructor({ client, connection }: RedisQuotaOptions) {
    this.#given = client;
    this.#connection = connection;
  }

  get lastError(): Error | undefined {
    return this.#lastError;
  }

  acquire(): RedisClient {
    this.#users += 1;
    this.#client ??= this.#given ?? this.#open();
    return this.#client;
  }

  release(): void {
    this.#users -= 1;
    if (this.#users > 0 || this.#client === undefined) return;
    if (this.#given === undefined) this.#client.disconnect();
    this.#client = undefined;
  }

  /**
   * Closes connections that don't answer, so that new ones are made to the current primary. The sockets are destroyed
   * and the client is not disconnected: a client that is searching for the primary would end for good.
   */
  renew(): void {
    // The app's own client is left alone.
    if (this.#given !== undefined || this.#client === undefined) return;
    for (const { stream } of connectionsOf(this.#client)) stream?.destroy();
  }

  #open(): RedisClient {
    const client = openClient(this.#connection ?? {}, () => OWN_OPTIONS, ofCluster);
    // ioredis adds a listener for each command that waits for the connection.
    client.setMaxListeners(Number.POSITIVE_INFINITY);
    client.on('error', (error: Error) => {
      this.#lastError = error;
    });
    client.on('ready', () => {
      this.#lastError = undefined;
    });
    return client;
  }
}

function ofCluster(given?: ClusterOptions): ClusterOptions {
  const { retryStrategy: _, ...redisOptions } = OWN_OPTIONS;
  return {
    clusterRetryStrategy: () => RECONNECT_MS,
    redisOptions: { ...given?.redisOptions, ...redisOptions },
  };
}
