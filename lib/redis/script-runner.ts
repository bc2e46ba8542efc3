import { isError } from '../errors/thrown.js';
import { PERMIT_SCRIPT, PERMIT_SCRIPT_SHA, type PermitAnswer, readAnswer } from './permit-script.js';
import type { Client, RedisConnection } from './redis-connection.js';
import { describeFailure } from './redis-failure.js';

/** If the process stood still while an answer was due, it gets this long to be read. */
const GRACE_MS = 50;
/** A timer that is so late tells that the process stood still. */
const STALL_MS = 20;

/** Runs the script on the keys of one scope, in bounded time. */
export class ScriptRunner {
  // Private to the language: what failed of late may have a password among its properties.
  readonly #connection: RedisConnection;
  readonly #client: Client;

  constructor(
    connection: RedisConnection,
    private readonly keys: readonly [permits: string, state: string, singles: string],
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
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<never>((_resolve, reject) => {
      const due = performance.now() + this.timeoutMs;
      const give = (): void => reject(new Error('silence'));
      // If it was this process that stood still, what has come meanwhile is read first.
      const check = (): void => {
        timer = setTimeout(give, performance.now() - due > STALL_MS ? GRACE_MS : 0);
      };
      timer = setTimeout(check, this.timeoutMs);
    });
    const reply = this.#evaluate(args);
    try {
      return readAnswer(await Promise.race([reply, silence]));
    } catch (error) {
      reply.catch(() => undefined);
      const { lastError } = this.#connection;
      const isSilent = isError(error) && error.message === 'silence' && lastError === undefined;
      const failure = isSilent
        ? `Redis did not answer within ${this.timeoutMs} ms`
        : describeFailure(error, lastError);
      return { failure };
    } finally {
      clearTimeout(timer);
    }
  }

  async #evaluate(args: readonly (string | number)[]): Promise<unknown> {
    try {
      return await this.#client.evalsha(PERMIT_SCRIPT_SHA, 3, ...this.keys, ...args);
    } catch (error) {
      if (!(isError(error) && error.message.startsWith('NOSCRIPT'))) throw error;
      return this.#client.eval(PERMIT_SCRIPT, 3, ...this.keys, ...args);
    }
  }
}
