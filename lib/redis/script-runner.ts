import { once } from 'node:events';
import { type PermitAnswer, readAnswer, TAKE_PERMITS } from './permit-script.js';
import type { RedisClient } from './open-client.js';
import type { RedisConnection } from './redis-connection.js';
import { describeFailure } from './redis-failure.js';

/** Time limit for the first connection, in milliseconds. */
const CONNECT_MS = 3_000;
/** Extra time to read an answer that arrived while the process stood still, in milliseconds. */
const GRACE_MS = 50;

/** Runs the script on the keys of one scope, within a time limit. */
export class ScriptRunner {
  // A private field: the last error may hold a password.
  readonly #connection: RedisConnection;
  readonly #client: RedisClient;
  #connecting: Promise<unknown> | undefined;

  constructor(
    connection: RedisConnection,
    private readonly keys: readonly [permits: string, state: string],
    /** Time limit for an answer, in milliseconds. */
    readonly timeoutMs: number,
  ) {
    this.#connection = connection;
    this.#client = connection.acquire();
  }

  close(): void {
    this.#connection.release();
  }

  /** Closes a connection that does not answer, so that a new one is made. */
  renewConnection(): void {
    this.#connection.renew();
  }

  /** @returns the answer, or why Redis is unavailable (a sentence without its full stop). Never rejects. */
  async run(args: readonly (string | number)[]): Promise<PermitAnswer | { readonly failure: string }> {
    await (this.#connecting ??= this.#connect());
    const reply = this.#evaluate(args);
    // The command may fail after its time limit.
    reply.catch(() => undefined);
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<undefined>((resolve) => {
      // If this process stood still, an answer that arrived meanwhile is read first.
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

  /**
   * The first calls wait for the connection, each within its own time limit. Later, a missing connection is a failure.
   */
  async #connect(): Promise<void> {
    const client = this.#client;
    if (client.status === 'wait') client.connect().catch(() => undefined);
    if (!['connecting', 'connect'].includes(client.status)) return;
    await once(client, 'ready', { signal: AbortSignal.timeout(CONNECT_MS) }).catch(() => undefined);
  }
}
