import { Logger, type OnApplicationShutdown } from '@nestjs/common';
import type { FanOutQueueSettings } from './fan-out-queue-settings.js';
import { OutageLog } from './outage-log.js';
import { answers, openConnection, type RedisClient, requireWritable } from './redis-connection.js';

const END_LOST_EVERY_MS = 100;

/** The connection of a module, from its boot to its end. */
export class RedisHolder implements OnApplicationShutdown {
  // Private to the language: whoever prints it must not print a password.
  readonly #client: RedisClient;
  /** One of ours, under which nothing is: in a cluster, it is with the node that all of ours are with. */
  readonly #key: string;
  /** Those that BullMQ makes, to wait for jobs with. */
  readonly #copies = new Set<RedisClient>();

  #isClosed = false;

  private constructor(
    client: RedisClient,
    key: string,
    /** One for all that use Redis, so that each outage is told once. */
    readonly outages: OutageLog,
  ) {
    this.#client = client;
    this.#key = key;
    const duplicate = client.duplicate.bind(client) as (...args: unknown[]) => RedisClient;
    Object.assign(client, {
      duplicate: (...args: unknown[]): RedisClient => {
        const copy = duplicate(...args);
        this.#copies.add(copy);
        return copy;
      },
    });
  }

  /** @throws RtcConfigError when Redis can't be reached, or not be written to */
  static async open({ connection, prefix }: FanOutQueueSettings): Promise<RedisHolder> {
    const client = openConnection(connection.open());
    const logger = new Logger('RtcFanOutQueue');
    const key = `${prefix}:writable`;
    await requireWritable(client, key, logger);
    const outages = new OutageLog(logger);
    client.on('error', (error: Error) => outages.note(error));
    return new RedisHolder(client, key, outages);
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
   * Waits for work that ends before the app does: as long as it takes while Redis answers, and for so many
   * milliseconds when it is away, or holds its connections and says nothing.
   */
  async finish(work: Promise<unknown>, patienceMs: number): Promise<void> {
    const started = performance.now();
    let isAsking = false;
    const giveUpIfAway = async (): Promise<void> => {
      isAsking = true;
      if (!(await answers(this.#client, this.#key))) this.close();
      isAsking = false;
    };
    const ending = setInterval(() => {
      this.#endLost();
      if (!isAsking && performance.now() - started > patienceMs) void giveUpIfAway();
    }, END_LOST_EVERY_MS);
    try {
      await work;
    } finally {
      clearInterval(ending);
    }
  }

  /**
   * Ends connections that were lost and are about to be made again: a client does not tell the end of those, and
   * BullMQ would wait for it for ever.
   */
  #endLost(): void {
    for (const copy of this.#copies) if (copy.status === 'reconnecting') end(copy);
  }

  /** Whatever waits for an answer of Redis is told that there will be none. */
  close(): void {
    this.#isClosed = true;
    for (const client of [this.#client, ...this.#copies]) end(client);
  }

  onApplicationShutdown(): void {
    this.close();
  }
}

/** Ends a connection in whatever state it is, so that it says so. */
function end(client: RedisClient): void {
  Object.assign(client.options, { retryStrategy: () => null, clusterRetryStrategy: () => null });
  const isLost = client.status === 'reconnecting';
  disconnect(client);
  if (!isLost) return;
  client
    .connect()
    .catch(() => undefined)
    .finally(() => disconnect(client));
}

/** A client that has ended would wait for a socket that is closed already, and keep the process meanwhile. */
function disconnect(client: RedisClient): void {
  if (client.status !== 'end') client.disconnect();
}
