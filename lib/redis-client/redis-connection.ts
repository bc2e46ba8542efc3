import type { RedisOptions } from 'ioredis';
import type { LuaScript } from './lua-script.js';
import { connectionsOf, openClient, type RedisClient, type RedisTarget } from './open-client.js';
import { describeFailure } from './redis-failure.js';
import { Interrupted, waitFor } from '../waiting/time-box.js';

/** Time limit for the first connection, in milliseconds. Commands wait for it. */
const CONNECT_MS = 3_000;
/** When a silent connection is given up. */
const SILENT_MS = 2_000;

/** A command from before the connection broke is useless after it. */
const OWN_OPTIONS: RedisOptions = { autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0 };

/** A connection that is opened for the first user, and closed after the last. Its scripts have a time limit. */
export class RedisConnection {
  // Private fields: the target and the last error may hold a password.
  readonly #target: RedisTarget;
  #client: RedisClient | undefined;
  #users = 0;
  #wasReady = false;
  /** Why there is no connection. A command's own error says only that there is none. */
  #lastError: Error | undefined;
  /** Since when no command was answered. */
  #silentSince: number | undefined;

  constructor(
    target: RedisTarget,
    private readonly timeoutMs: number,
  ) {
    this.#target = target;
  }

  acquire(): void {
    this.#users += 1;
    this.#client ??= this.#open();
  }

  release(): void {
    this.#users -= 1;
    if (this.#users > 0) return;
    this.#client?.disconnect();
    this.#client = undefined;
  }

  /**
   * Runs a script within the time limit.
   * @returns its reply, or why Redis is unavailable (a sentence without its full stop). Never rejects.
   */
  async run(
    script: LuaScript,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<{ readonly reply: unknown } | { readonly failure: string }> {
    const client = this.#client;
    if (client === undefined) return { failure: 'The connection to Redis is closed' };
    const limitMs = this.#wasReady ? this.timeoutMs : Math.max(this.timeoutMs, CONNECT_MS);
    try {
      const reply = await waitFor(script.run(client, keys, args), limitMs);
      this.#silentSince = undefined;
      return { reply };
    } catch (error) {
      this.#renewIfSilent(client);
      const isSilent = error instanceof Interrupted && this.#lastError === undefined;
      const silent = `Redis did not answer within ${limitMs} ms`;
      return { failure: isSilent ? silent : describeFailure(error, this.#lastError) };
    }
  }

  #open(): RedisClient {
    const client = openClient(this.#target, OWN_OPTIONS);
    this.#wasReady = false;
    // ioredis adds a listener for each command that waits for the connection.
    client.setMaxListeners(Number.POSITIVE_INFINITY);
    client.on('error', (error: Error) => {
      this.#lastError = error;
    });
    client.on('ready', () => {
      this.#lastError = undefined;
      this.#wasReady = true;
    });
    return client;
  }

  /**
   * Closes connections that don't answer, so that new ones are made to the current primary. The sockets are destroyed
   * and the client is not disconnected: a client that is searching for the primary would end for good. So it may by
   * itself, when it is told of a failover meanwhile. Then it is begun again.
   */
  #renewIfSilent(client: RedisClient): void {
    const now = performance.now();
    if (now - (this.#silentSince ??= now) <= SILENT_MS) return;
    this.#silentSince = now;
    if (client.status === 'end') client.connect().catch(() => undefined);
    else for (const { stream } of connectionsOf(client)) stream?.destroy();
  }
}
