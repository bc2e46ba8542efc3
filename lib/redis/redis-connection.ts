import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { withoutOptions } from '../config/redis-url.js';
import type { RedisQuotaOptions } from './redis-quota-options.js';

export type Client = Redis | Cluster;

/** As long as Redis is away, this process does not share the quota: it comes back soon, but does not hammer. */
const RECONNECT_MS = 200;
/** How long a Sentinel may take to say who the primary is, and how soon one that was lost is looked for. */
const SENTINEL_MS = 1_000;

/** What is not the app's to choose. */
const OWN_OPTIONS: RedisOptions = {
  retryStrategy: () => RECONNECT_MS,
  // What was asked before a connection broke is of no use after it.
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  // A process that has closed its modules is not to be kept for a socket that does not end.
  disconnectTimeout: 200,
  // After a failover, the other node is the one that can be written to. The former primary may not know yet.
  reconnectOnError: (error) => error.message.startsWith('READONLY'),
  failoverDetector: true,
  sentinelCommandTimeout: SENTINEL_MS,
  sentinelReconnectStrategy: () => SENTINEL_MS,
};

/** The connection of one RedisQuota: opened for its first user, closed after its last if it is not the app's. */
export class RedisConnection {
  readonly #given: Client | undefined;
  readonly #connection: RedisQuotaOptions['connection'];
  #client: Client | undefined;
  #users = 0;
  /** Why there is no connection: commands only say that there is none. */
  #lastError: Error | undefined;

  constructor({ client, connection }: RedisQuotaOptions) {
    this.#given = client;
    this.#connection = connection;
  }

  get lastError(): Error | undefined {
    return this.#lastError;
  }

  acquire(): Client {
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
   * Breaks connections that do not answer, so that they are made anew, to the node that is the primary by then. The
   * client is not told to disconnect: one that is just looking for the primary would take that for its end.
   */
  renew(): void {
    // One of the app's own is left alone.
    if (this.#given !== undefined || this.#client === undefined) return;
    const connections = this.#client instanceof Cluster ? this.#client.nodes() : [this.#client];
    for (const { stream } of connections) stream?.destroy();
  }

  #open(): Client {
    const client = connect(this.#connection);
    // ioredis has a listener for each of what waits for a connection.
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

function connect(connection: RedisQuotaOptions['connection']): Client {
  // A query has no functions and no numbers: those options can't be set there.
  if (typeof connection === 'string') return new Redis(withoutOptions(connection, OWN_OPTIONS), OWN_OPTIONS);
  if (connection === undefined || !('nodes' in connection))
    return new Redis({ ...connection, ...OWN_OPTIONS });
  const { retryStrategy: _, ...redisOptions } = OWN_OPTIONS;
  return new Cluster([...connection.nodes], {
    ...connection.options,
    clusterRetryStrategy: () => RECONNECT_MS,
    redisOptions: { ...connection.options?.redisOptions, ...redisOptions },
  });
}
