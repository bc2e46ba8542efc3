import { Logger, type OnApplicationShutdown } from '@nestjs/common';
import { ConnectionWatch } from './connection-watch.js';
import type { FanOutQueueSettings } from './fan-out-queue-settings.js';
import { OutageLog } from './outage-log.js';
import { canBeWritten, requireWritable } from './redis-answers.js';
import { connectionsOf, isCluster, openConnection, prepared, type RedisClient } from './redis-connection.js';

const END_COPIES_EVERY_MS = 100;
/** What was sent is worth so much more time to write down what became of it, while Redis is away. */
const STAY_MS = 5_000;

/** The connection of a module, from its boot to its end. */
export class RedisHolder implements OnApplicationShutdown {
  // Private to the language: whoever prints it must not print a password.
  readonly #client: RedisClient;
  /** One of ours, under which nothing is: in a cluster, it is with the node that all of ours are with. */
  readonly #key: string;
  /** Those that BullMQ makes, to wait for jobs with. */
  readonly #copies = new Set<RedisClient>();
  readonly #watch: ConnectionWatch;

  #isClosed = false;

  private constructor(
    client: RedisClient,
    key: string,
    /** How long an app that closes waits for a Redis that is away, in milliseconds. */
    readonly patienceMs: number,
    /** One for all that use Redis, so that each outage is told once. */
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

  /** @throws RtcConfigError when Redis can't be reached, or not be written to */
  static async open({ connection, prefix, lostAfterMs }: FanOutQueueSettings): Promise<RedisHolder> {
    const client = openConnection(connection.open());
    const logger = new Logger('RtcFanOutQueue');
    const key = `${prefix}:writable`;
    await requireWritable(client, key, logger);
    const outages = new OutageLog(logger);
    client.on('error', (error: Error) => outages.note(error));
    // After that time, the others take what is in flight here for lost.
    return new RedisHolder(client, key, Math.min(lostAfterMs, STAY_MS), outages);
  }

  /** No getter, which printing may run. */
  client(): RedisClient {
    return this.#client;
  }

  /** Whether it is closed for good. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Waits for work that ends before the app does: as long as it takes while Redis can be written to, and for a
   * while when it can't, be it away, or holding its connections and saying nothing.
   * @param isSending whether something is under way that is not Redis's, and has a time limit of its own
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
   * Ends connections that were lost and are about to be made again: a client does not tell the end of those, and
   * BullMQ would wait for it for ever. After a while, all of them: they are there to wait for jobs, and no more.
   */
  #endCopies(isLate: boolean): void {
    for (const copy of this.#copies) if (isLate || isLost(copy)) end(copy);
  }

  /** Whatever waits for an answer of Redis is told that there will be none. */
  close(): void {
    this.#isClosed = true;
    this.#watch.stop();
    for (const client of [this.#client, ...this.#copies]) end(client);
  }

  onApplicationShutdown(): void {
    this.close();
  }
}

/** Ends a connection in whatever state it is, so that it says so. */
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
