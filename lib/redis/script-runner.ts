import { once } from 'node:events';
import { type PermitAnswer, readAnswer, TAKE_PERMITS } from './permit-script.js';
import type { Client, RedisConnection } from './redis-connection.js';
import { describeFailure } from './redis-failure.js';

/** How long the first connection may take. */
const CONNECT_MS = 3_000;
/** If the process stood still while an answer was due, it gets this long to be read. */
const GRACE_MS = 50;

/** Runs the script on the keys of one scope, in bounded time. */
export class ScriptRunner {
  // Private to the language: what failed of late may have a password among its properties.
  readonly #connection: RedisConnection;
  readonly #client: Client;
  #connecting: Promise<unknown> | undefined;

  constructor(
    connection: RedisConnection,
    private readonly keys: readonly [permits: string, state: string],
    /** How long an answer may take, in milliseconds. */
    readonly timeoutMs: number,
  ) {
    this.#connection = connection;
    this.#client = connection.acquire();
  }

  close(): void {
    this.#connection.release();
  }

  /** Breaks a connection that seems to lead nowhere. */
  renewConnection(): void {
    this.#connection.renew();
  }

  /** @returns what Redis says, or why it is away: a sentence, without its full stop. Never rejects. */
  async run(args: readonly (string | number)[]): Promise<PermitAnswer | { readonly failure: string }> {
    await (this.#connecting ??= this.#connect());
    const reply = this.#evaluate(args);
    // It may fail after it was given up.
    reply.catch(() => undefined);
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<undefined>((resolve) => {
      // If it was this process that stood still, what has come meanwhile is read first.
      timer = setTimeout(() => (timer = setTimeout(() => resolve(undefined), GRACE_MS)), this.timeoutMs);
    });
    try {
      const answer = await Promise.race([reply, silence]);
      if (answer !== undefined) return answer;
      const silent = `Redis did not answer within ${this.timeoutMs} ms`;
      const { lastError } = this.#connection;
      return { failure: lastError === undefined ? silent : describeFailure(lastError) };
    } catch (error) {
      return { failure: describeFailure(error, this.#connection.lastError) };
    } finally {
      clearTimeout(timer);
    }
  }

  async #evaluate(args: readonly (string | number)[]): Promise<PermitAnswer> {
    return readAnswer(await TAKE_PERMITS.run(this.#client, this.keys, args));
  }

  /** Those who come first wait for the connection, for as long as they like and it may take. Later, none is a failure. */
  async #connect(): Promise<void> {
    const client = this.#client;
    if (client.status === 'wait') client.connect().catch(() => undefined);
    if (!['connecting', 'connect'].includes(client.status)) return;
    await once(client, 'ready', { signal: AbortSignal.timeout(CONNECT_MS) }).catch(() => undefined);
  }
}
