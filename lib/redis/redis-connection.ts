import { once } from 'node:events';
import { Interrupted, waitFor } from '../waiting/time-box.js';
import type { LuaScript } from '../redis-client/lua-script.js';
import { connectionsOf, openClient, type RedisClient } from '../redis-client/open-client.js';
import { describeFailure } from './redis-failure.js';
import type { CheckedOptions } from './redis-quota-options.js';

/** Time limit for the first connection, in milliseconds. */
const CONNECT_MS = 3_000;
/** When a silent connection is given up. */
const SILENT_MS = 2_000;

/** A command from before the connection broke is useless after it. */
const OWN_OPTIONS = { autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0 };

/**
 * The connection of one RedisQuota. It is opened for the first user, and closed after the last unless the app owns it.
 */
export class RedisConnection {
  // Private fields: the options and the last error may hold a password.
  readonly #options: CheckedOptions;
  #client: RedisClient | undefined;
  #connecting: Promise<unknown> | undefined;
  #users = 0;
  /** Why there is no connection. A command's own error says only that there is none. */
  #lastError: Error | undefined;

  /** Since when no command was answered. */
  #silentSince: number | undefined;

  constructor(options: CheckedOptions) {
    this.#options = options;
  }

  acquire(): void {
    this.#users += 1;
    this.#client ??= this.#options.client ?? this.#open();
  }

  release(): void {
    this.#users -= 1;
    if (this.#users > 0 || this.#client === undefined) return;
    if (this.#options.client === undefined) this.#client.disconnect();
    this.#client = this.#connecting = undefined;
  }

  /**
   * Runs a script within a time limit.
   * @returns its reply, or why Redis is unavailable (a sentence without its full stop). Never rejects.
   */
  async run(
    script: LuaScript,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<{ readonly reply: unknown } | { readonly failure: string }> {
    const client = this.#client;
    if (client === undefined) return { failure: 'The connection to Redis is closed' };
    await (this.#connecting ??= connected(client));
    const { timeoutMs } = this.#options;
    try {
      const reply = await waitFor(script.run(client, keys, args), timeoutMs);
      this.#silentSince = undefined;
      return { reply };
    } catch (error) {
      const now = performance.now();
      if (now - (this.#silentSince ??= now) > SILENT_MS) {
        this.#silentSince = now;
        this.#renew(client);
      }
      const isSilent = error instanceof Interrupted && this.#lastError === undefined;
      const silent = `Redis did not answer within ${timeoutMs} ms`;
      return { failure: isSilent ? silent : describeFailure(error, this.#lastError) };
    }
  }

  /**
   * Closes connections that don't answer, so that new ones are made to the current primary. The sockets are destroyed
   * and the client is not disconnected: a client that is searching for the primary would end for good. So it may by
   * itself, when it is told of a failover meanwhile. Then it is begun again.
   */
  #renew(client: RedisClient): void {
    // The app's own client is left alone.
    if (this.#options.client !== undefined) return;
    if (client.status === 'end') client.connect().catch(() => undefined);
    else for (const { stream } of connectionsOf(client)) stream?.destroy();
  }

  #open(): RedisClient {
    const client = openClient(this.#options.connection ?? {}, OWN_OPTIONS);
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

/**
 * The first calls wait for the connection, each within its own time limit. Later, a missing connection is a failure.
 */
async function connected(client: RedisClient): Promise<void> {
  if (client.status === 'wait') client.connect().catch(() => undefined);
  if (!['connecting', 'connect'].includes(client.status)) return;
  await once(client, 'ready', { signal: AbortSignal.timeout(CONNECT_MS) }).catch(() => undefined);
}
