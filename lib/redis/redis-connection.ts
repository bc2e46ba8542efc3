import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { RedisQuotaOptions } from './redis-quota-options.js';

export type Client = Redis | Cluster;

/** As long as Redis is away, this process does not share the quota: it comes back soon, but does not hammer. */
const RECONNECT_MS = 200;

const OWN_OPTIONS: RedisOptions = {
  retryStrategy: () => RECONNECT_MS,
  // What was asked before a connection broke is of no use after it.
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  // A process that has closed its modules is not to be kept for a socket that does not end.
  disconnectTimeout: 200,
  // After a failover, the other node is the one that can be written to.
  reconnectOnError: (error) => error.message.startsWith('READONLY'),
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

  /** Breaks a connection that does not answer, so that it is made anew, to the node that is the primary by then. */
  renew(): void {
    // One of the app's own is left alone.
    if (this.#given === undefined) this.#client?.disconnect(true);
  }

  #open(): Client {
    const client = connect(this.#connection);
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
  if (typeof connection === 'string') return new Redis(connection, OWN_OPTIONS);
  if (connection === undefined || !('nodes' in connection))
    return new Redis({ ...OWN_OPTIONS, ...connection });
  const { retryStrategy: _, ...redisOptions } = OWN_OPTIONS;
  return new Cluster([...connection.nodes], {
    clusterRetryStrategy: () => RECONNECT_MS,
    ...connection.options,
    redisOptions: { ...redisOptions, ...connection.options?.redisOptions },
  });
}
