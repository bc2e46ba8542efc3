import { Logger, type OnApplicationShutdown } from '@nestjs/common';
import { ConnectionWatch } from './connection-watch.js';
import type { FanOutQueueSettings } from './fan-out-queue-settings.js';
import { OutageLog } from './outage-log.js';
import { canBeWritten, requireWritable } from './redis-answers.js';
import { connectionsOf, isCluster, type RedisClient } from '../redis/open-client.js';
import { openConnection, prepared } from './redis-connection.js';

const END_COPIES_EVERY_MS = 100;
/** Extra time to record outcomes of sent chunks while Redis is unavailable, in milliseconds. */
const STAY_MS = 5_000;

/** A module's connection to Redis, from boot to shutdown. */
export class RedisHolder implements OnApplicationShutdown {
  // A private field: printing it must not print a password.
  readonly #client: RedisClient;
  /** An empty key of ours. In a Cluster, it is on the same node as all our keys. */
  readonly #key: string;
  /** BullMQ's copies of the client, which wait for jobs. */
  readonly #copies = new Set<RedisClient>();
  readonly #watch: ConnectionWatch;

  #isClosed = false;

  private constructor(
    client: RedisClient,
    key: string,
    /** How long a closing app waits for an unavailable Redis, in milliseconds. */
    readonly patienceMs: number,
    /** One log for all users of Redis, so that each outage is logged once. */
    readonly outages: OutageLog,
  ) {
    this.#client = client;
    this.#key = key;
    this.#watch = new ConnectionWatch(client, this.#copies);
    const duplicate = client.duplicate.bind(client) as (...args: unknown[]) => RedisClient;
    Object.assign(client, {
      duplicate: (...args: unknown[]): RedisClient => {
        const copy = prepared(duplicate(...args));
        this.#copies.add(copy);
        return copy;
      },
    });
  }

  /** @throws RtcConfigError when Redis can't be reached or does not accept writes */
  static async open({ connection, prefix, lostAfterMs }: FanOutQueueSettings): Promise<RedisHolder> {
    const client = openConnection(connection.open());
    const logger = new Logger('RtcFanOutQueue');
    const key = `${prefix}:writable`;
    await requireWritable(client, key, logger);
    const outages = new OutageLog(logger);
    client.on('error', (error: Error) => outages.note(error));
    // After `lostAfterMs`, other workers take this worker's chunks for lost.
    return new RedisHolder(client, key, Math.min(lostAfterMs, STAY_MS), outages);
  }

  /** A method and not a getter, since printing may run getters. */
  client(): RedisClient {
    return this.#client;
  }

  /** Whether it is closed for good. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Waits for work that must end before the app does. It waits without a limit while Redis accepts writes, and only for
   * `patienceMs` while Redis is unavailable or silent.
   * @param isSending whether a request to the service is in flight, which has its own time limit
   */
  async finish(work: Promise<unknown>, isSending: () => boolean = () => false): Promise<void> {
    let since = performance.now();
    let isAsking = false;
    const giveUpIfAway = async (): Promise<void> => {
      isAsking = true;
      if (!(await canBeWritten(this.#client, this.#key))) this.close();
      isAsking = false;
    };
    const ending = setInterval(() => {
      if (isSending()) since = performance.now();
      const isLate = performance.now() - since > this.patienceMs;
      this.#endCopies(isLate);
      if (isLate && !isAsking) void giveUpIfAway();
    }, END_COPIES_EVERY_MS);
    try {
      await work;
    } finally {
      clearInterval(ending);
    }
  }

  /**
   * Ends copies that were lost and are reconnecting: their client emits no end, and BullMQ would wait for it forever.
   * After the time limit, ends all copies, since they only wait for jobs.
   */
  #endCopies(isLate: boolean): void {
    for (const copy of this.#copies) if (isLate || isLost(copy)) end(copy);
  }

  /** Rejects everything that waits for an answer of Redis. */
  close(): void {
    this.#isClosed = true;
    this.#watch.stop();
    for (const client of [this.#client, ...this.#copies]) end(client);
  }

  onApplicationShutdown(): void {
    this.close();
  }
}

/** Ends a connection in any state, so that it emits its end. */
function end(client: RedisClient): void {
  Object.assign(client.options, { retryStrategy: () => null, clusterRetryStrategy: () => null });
  const wasLost = isLost(client);
  // A client that has ended would wait for a socket that is closed already, and keep the process meanwhile.
  if (client.status !== 'end') client.disconnect();
  if (!wasLost) return;
  // What does not exist can't end: it is begun, and ended at once.
  if (isCluster(client)) client.once('+node', () => setImmediate(() => client.disconnect()));
  client.connect().catch(() => undefined);
  if (!isCluster(client)) client.disconnect();
}

/**
 * Whether there is no connection, and the client is about to make one. Or the client of a Cluster stays closed without
 * having ended, as one does that is told to disconnect while it still learns which nodes there are.
 */
function isLost(client: RedisClient): boolean {
  const { status } = client;
  if (status === 'end' || status === 'connecting') return false;
  return status === 'reconnecting' || status === 'close' || connectionsOf(client).length === 0;
}
