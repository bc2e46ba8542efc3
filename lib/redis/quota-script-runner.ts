import { isError } from '../errors/thrown.js';
import {
  numberOf,
  QUOTA_SCRIPT,
  QUOTA_SCRIPT_SHA,
  type QuotaAnswer,
  type QuotaQuestion,
  readAnswer,
} from './quota-script.js';
import { type Client, RedisConnection } from './redis-connection.js';
import { describeFailure } from './redis-failure.js';
import { ServerOffset } from './server-offset.js';

/** If the process stood still while an answer was due, it gets this long to be read. */
const GRACE_MS = 50;
/** A timer that is so late tells that the process stood still. */
const STALL_MS = 20;

/** What one process holds the schedule to. */
export interface ScheduleTerms {
  readonly limit: number;
  readonly jitterMs: number;
}

/** An answer, with its times on this process's monotonic clock; or what is wrong. */
export type Asked =
  { readonly answer: QuotaAnswer; readonly localDue: number } | { readonly failure: string };

/** Runs the script on one key, in bounded time. */
export class QuotaScriptRunner {
  readonly offset = new ServerOffset();
  // Private to the language: what failed of late may have a password among its properties.
  readonly #connection: RedisConnection;
  readonly #client: Client;

  constructor(
    connection: RedisConnection,
    private readonly key: string,
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

  /** Never rejects, and takes little more than `timeoutMs`. */
  async ask(question: QuotaQuestion, terms: ScheduleTerms): Promise<Asked> {
    const late = new Deadline(this.timeoutMs);
    try {
      const asked = await Promise.race([this.#run(question, terms), late.passed]);
      return asked ?? { failure: this.#describeSilence() };
    } catch (error) {
      return { failure: describeFailure(error, this.#connection.lastError) };
    } finally {
      late.dispose();
    }
  }

  /** Resolves when Redis answers, however long that takes. Rejects when it is known that it does not. */
  async probe(): Promise<void> {
    await this.#run({ op: 'probe' }, { limit: 1, jitterMs: 0 });
  }

  async #run(question: QuotaQuestion, { limit, jitterMs }: ScheduleTerms): Promise<Asked> {
    const askedAt = performance.now();
    // What waits in a queue until Redis is back must not be done then: no one would use the slots.
    const expires = this.offset.isKnown ? this.offset.toServer(askedAt + this.timeoutMs) : 0;
    const reply = await this.#evaluate([question.op, numberOf(question), limit, jitterMs, expires]);
    const answeredAt = performance.now();
    const answer = readAnswer(reply);
    this.offset.observe(askedAt, answer.now, answeredAt);
    return { answer, localDue: this.offset.toLocal(answer.due) };
  }

  async #evaluate(args: (string | number)[]): Promise<unknown> {
    try {
      return await this.#client.evalsha(QUOTA_SCRIPT_SHA, 1, this.key, ...args);
    } catch (error) {
      if (!(isError(error) && error.message.startsWith('NOSCRIPT'))) throw error;
      return this.#client.eval(QUOTA_SCRIPT, 1, this.key, ...args);
    }
  }

  #describeSilence(): string {
    const { lastError } = this.#connection;
    return lastError === undefined
      ? `Redis did not answer within ${this.timeoutMs} ms`
      : describeFailure(lastError, lastError);
  }
}

/** Passes after a time, unless this process itself stood still: then what has come meanwhile is read first. */
class Deadline {
  readonly passed: Promise<undefined>;
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number) {
    const due = performance.now() + ms;
    this.passed = new Promise((resolve) => {
      const pass = (): void => resolve(undefined);
      this.#timer = setTimeout(() => {
        if (performance.now() - due > STALL_MS) this.#timer = setTimeout(pass, GRACE_MS);
        else this.#timer = setTimeout(pass, 0);
      }, ms);
    });
  }

  dispose(): void {
    clearTimeout(this.#timer);
  }
}
