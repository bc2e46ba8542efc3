import { Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Cancellation } from '../waiting/cancellation.js';
import { waitFor } from '../waiting/time-box.js';
import { LimitedLog } from '../diagnostics/limited-log.js';
import { ConnectionWatch } from './connection-watch.js';
import { describeOutage, WHAT_IS_LOST } from './describe-outage.js';
import type { FanOutQueueSettings } from './fan-out-queue-settings.js';
import { canBeWritten, requireWritable } from './redis-answers.js';
import type { RedisClient } from '../redis-client/open-client.js';
import { openConnection } from './redis-connection.js';

const ASK_EVERY_MS = 100;
/** Extra time to record outcomes of sent chunks while Redis is unavailable, in milliseconds. */
const STAY_MS = 5_000;

/** A module's connection to Redis, from boot to shutdown. */
export class RedisHolder implements OnApplicationShutdown {
  // A private field: printing it must not print a password.
  readonly #client: RedisClient;
  /** An empty key of ours. In a Cluster, it is on the same node as all our keys. */
  readonly #key: string;
  readonly #watch: ConnectionWatch;
  /** Ends everything that waits for an answer. A client that was about to reconnect would never give one. */
  readonly closing = new Cancellation();

  private constructor(
    client: RedisClient,
    key: string,
    /** How long a closing app waits for an unavailable Redis, in milliseconds. */
    readonly patienceMs: number,
    /** One log for all users of Redis: a lost connection fails many times a second. */
    private readonly log: LimitedLog,
  ) {
    this.#client = client;
    this.#key = key;
    this.#watch = new ConnectionWatch(client);
    client.on('error', (error: Error) => this.note(error));
  }

  /** @throws RtcConfigError when Redis can't be reached or does not accept writes */
  static async open({ connection, prefix, lostAfterMs }: FanOutQueueSettings): Promise<RedisHolder> {
    const client = openConnection(connection.open());
    const logger = new Logger('RtcFanOutQueue');
    const key = `${prefix}:writable`;
    await requireWritable(client, key, logger);
    // After `lostAfterMs`, other workers take this worker's chunks for lost.
    return new RedisHolder(client, key, Math.min(lostAfterMs, STAY_MS), new LimitedLog(logger));
  }

  /** A method and not a getter, since printing may run getters. */
  client(): RedisClient {
    return this.#client;
  }

  /** Whether it is closed for good. */
  get isClosed(): boolean {
    return this.closing.isCancelled;
  }

  /** Logs an error, unless it is one of closing. */
  note(error: unknown): void {
    if (!this.isClosed) this.#warn(describeOutage(error));
  }

  /** Logs that Redis lost a fan-out that was being sent. */
  reportLoss(): void {
    this.#warn(WHAT_IS_LOST);
  }

  #warn(line: string): void {
    this.log.write('warn', line, line);
  }

  /**
   * Waits for work that must end before the app does. It waits without a limit while Redis accepts writes, and only for
   * `patienceMs` while Redis is unavailable or silent. Then it closes the connection.
   * @param isSending whether a request to the service is in flight, which has its own time limit
   */
  async finish(work: Promise<unknown>, isSending: () => boolean = () => false): Promise<void> {
    let since = performance.now();
    let isDone = false;
    const done = work.finally(() => (isDone = true)).catch(() => undefined);
    for (;;) {
      await waitFor(done, ASK_EVERY_MS).catch(() => undefined);
      if (isDone || this.isClosed) return;
      if (isSending() || (await canBeWritten(this.#client, this.#key))) since = performance.now();
      else if (performance.now() - since > this.patienceMs) this.close();
    }
  }

  /** Rejects everything that waits for an answer of Redis. */
  close(): void {
    this.closing.cancel();
    this.#watch.stop();
    // A client that has ended would wait for a socket that is closed already, and keep the process meanwhile.
    if (this.#client.status !== 'end') this.#client.disconnect();
  }

  onApplicationShutdown(): void {
    this.close();
  }
}
