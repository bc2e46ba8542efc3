import { Logger, type OnApplicationShutdown } from '@nestjs/common';
import { LimitedLog } from '../diagnostics/limited-log.js';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import type { RedisClient } from '../redis-client/open-client.js';
import { Cancellation } from '../waiting/cancellation.js';
import { Interrupted, waitFor } from '../waiting/time-box.js';
import { describeOutage } from './describe-outage.js';
import type { FanOutQueueSettings } from './fan-out-queue-settings.js';
import { openConnection, watchConnection } from './redis-connection.js';

/** Time limit of the boot for Redis, and the wait before the log mentions it, in milliseconds. */
const CONNECT_MS = 10_000;
const WARN_AFTER_MS = 500;
/** Time limit for an answer, in milliseconds. A slower Redis counts as unavailable. */
const ANSWER_MS = 1_000;
const ASK_EVERY_MS = 100;
/** Extra time to record outcomes of sent chunks while Redis is unavailable, in milliseconds. */
const STAY_MS = 5_000;

/** A module's connection to Redis, from boot to shutdown. */
export class RedisHolder implements OnApplicationShutdown {
  // A private field: printing it must not print a password.
  readonly #client: RedisClient;
  /** An empty key of ours. In a Cluster, it is on the same node as all our keys. */
  readonly #key: string;
  /** How long a closing app waits for an unavailable Redis, in milliseconds. */
  readonly #patienceMs: number;
  #watch: NodeJS.Timeout | undefined;
  readonly #logger = new Logger('RtcFanOutQueue');
  /** One log for all users of Redis: a lost connection fails many times a second. */
  readonly #log = new LimitedLog(this.#logger);
  /** Ends everything that waits for an answer. A client that was about to reconnect would never give one. */
  readonly closing = new Cancellation();

  private constructor({ connection, prefix, lostAfterMs }: FanOutQueueSettings) {
    this.#client = openConnection(connection.open());
    this.#key = `${prefix}:writable`;
    // After `lostAfterMs`, other workers take this worker's chunks for lost.
    this.#patienceMs = Math.min(lostAfterMs, STAY_MS);
  }

  /**
   * Waits until Redis answers, since app and Redis often start together, and checks that Redis accepts writes.
   * @throws RtcConfigError when Redis does not answer in time or refuses. Redis's messages hold no password.
   */
  static async open(settings: FanOutQueueSettings): Promise<RedisHolder> {
    const holder = new RedisHolder(settings);
    await holder.#boot();
    return holder;
  }

  async #boot(): Promise<void> {
    let last = 'no connection';
    const note = ({ message }: Error): void => void (last = message);
    this.#client.on('error', note);
    const warning = setTimeout(
      () =>
        this.#logger.warn(
          `Redis does not answer yet (${last}). The app starts when it does, or fails after ${CONNECT_MS / 1_000} s.`,
        ),
      WARN_AFTER_MS,
    );
    try {
      await this.#write(CONNECT_MS);
    } catch (error) {
      this.close();
      const why = error instanceof Interrupted ? last : (error as Error).message;
      const message = why.replace(
        /^(READONLY .*?)\.?$/,
        '$1; connect to the primary, or by Sentinel or Cluster options',
      );
      throw new RtcConfigError([
        { option: 'RtcFanOutQueueModule.connection', message: `Redis can't be used: ${message}` },
      ]);
    } finally {
      clearTimeout(warning);
      this.#client.off('error', note);
    }
    this.#client.on('error', (error: Error) => this.note(error));
    this.#watch = watchConnection(this.#client);
  }

  /** Removes a missing member: a replica refuses this too, and a full Redis does not. */
  #write(limitMs: number): Promise<unknown> {
    return waitFor(() => this.#client.srem(this.#key, 'nothing'), limitMs);
  }

  /** A method and not a getter, since printing may run getters. */
  client(): RedisClient {
    return this.#client;
  }

  /** Logs an error that needs an operator, unless it is one of closing. */
  note(error: unknown): void {
    const line = describeOutage(error);
    if (line !== undefined && !this.closing.isCancelled) this.warn(line);
  }

  warn(line: string): void {
    this.#log.write('warn', line, line);
  }

  /**
   * Waits for work that must end before the app does. It waits without a limit while Redis accepts writes, and only for
   * a few seconds while Redis is unavailable or silent. Then it closes the connection.
   * @param isSending whether a request to the service is in flight, which has its own time limit
   */
  async finish(work: Promise<unknown>, isSending: () => boolean = () => false): Promise<void> {
    let since = performance.now();
    let isDone = false;
    const done = work.finally(() => (isDone = true)).catch(() => undefined);
    for (;;) {
      await waitFor(done, ASK_EVERY_MS).catch(() => undefined);
      if (isDone || this.closing.isCancelled) return;
      const answer = isSending() ? 'sending' : await this.#write(ANSWER_MS).catch(() => undefined);
      if (answer !== undefined) since = performance.now();
      else if (performance.now() - since > this.#patienceMs) this.close();
    }
  }

  /** Rejects everything that waits for an answer of Redis. */
  close(): void {
    this.closing.cancel();
    clearInterval(this.#watch);
    // A client that has ended would wait for a socket that is closed already, and keep the process meanwhile.
    if (this.#client.status !== 'end') this.#client.disconnect();
  }

  onApplicationShutdown(): void {
    this.close();
  }
}
