import type { ClusterOptions, RedisOptions } from 'ioredis';
import { openClient, type RedisClient, type RedisTarget } from '../redis-client/open-client.js';

/** How long a command waits that a node of a Cluster sends elsewhere: slots move, and nodes take over. */
const REDIRECT_MS = 100;

/** Options that are not the app's to choose, besides those of every connection. */
const OWN_OPTIONS: RedisOptions = {
  // BullMQ waits for jobs in a command that must not be given up, and its clients must not rename keys.
  maxRetriesPerRequest: null,
  // A secure connection takes several round trips.
  connectTimeout: 3_000,
  commandTimeout: undefined,
  socketTimeout: undefined,
  keyPrefix: '',
  // Commands wait for Redis here, and are repeated when a connection was lost: each may be done twice.
  autoResendUnfulfilledCommands: true,
  enableAutoPipelining: false,
  // Only so is it seen whether Redis is loading its data, and whether it is a primary.
  enableReadyCheck: true,
  // Scripts answer with numbers and lists.
  stringNumbers: false,
  replyMapping: 'legacy',
  // The app's commands could have the names of ours.
  scripts: {},
};

const OWN_OPTIONS_OF_CLUSTER: ClusterOptions = {
  keyPrefix: '',
  scripts: {},
  enableReadyCheck: true,
  enableAutoPipelining: false,
  slotsRefreshTimeout: 3_000,
  // Replicas lag behind.
  scaleReads: 'master',
  // As with one Redis, a command waits until there is a node that takes it.
  maxRedirections: Number.POSITIVE_INFINITY,
  retryDelayOnMoved: REDIRECT_MS,
  retryDelayOnTryAgain: REDIRECT_MS,
  retryDelayOnClusterDown: REDIRECT_MS,
  retryDelayOnFailover: REDIRECT_MS,
  // What waits for a node that was lost is not that node's: another one may have its slots.
  clusterNodeRetryStrategy: null,
};

/**
 * A connection of our own, also when the app gives a client: closing it, and what BullMQ needs of it, must not
 * concern the app's.
 */
export function openConnection(given: RedisTarget): RedisClient {
  const client = openClient(given, OWN_OPTIONS, OWN_OPTIONS_OF_CLUSTER);
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
