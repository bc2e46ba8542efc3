import type { LoggerService } from '@nestjs/common';
import { isError } from '../errors/thrown.js';

/** What has not come up for so long is over: the next time is another outage. */
const QUIET_MS = 60_000;

/** What BullMQ's own errors, which have numbers for codes, come to here. */
const JOB_IS_GONE = -1;
const WHAT_JOB_IS_GONE =
  "A chunk's job is gone from Redis: someone removed it, or Redis has lost what it held. The chunk gets another " +
  'one unless it is completed.';
const WHAT_HOLD_RAN_OUT =
  "A worker's hold on a chunk ran out before it was done: Redis was away or refused to write, or the process stood " +
  'still. BullMQ hands the chunk out again, and the ledger sees to it that it is not sent twice.';

const WHAT_IS_LOST =
  'Redis has lost what it held of a fan-out that was being sent: it was flushed, restarted without what it held, or ' +
  'someone deleted keys. What became of the fan-out can not be written down any more.';

/** Tells an operator what is wrong with Redis, once an outage: a connection that is down fails many times a second. */
export class OutageLog {
  /** When something came up last. */
  readonly #noted = new Map<string, number>();

  /** @param now monotonic milliseconds */
  constructor(
    private readonly logger: Pick<LoggerService, 'warn'>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  note(thrown: unknown): void {
    this.#warnOnce(describe(isError(thrown) ? thrown : new Error('unknown')));
  }

  /** A fan-out is gone that was being sent. */
  reportLoss(): void {
    this.#warnOnce(WHAT_IS_LOST);
  }

  /** Whether an error is told as a worker's, though Redis may be to blame for it. */
  blamesWorker(error: Error): boolean {
    return describe(error) === WHAT_HOLD_RAN_OUT;
  }

  #warnOnce(what: string): void {
    const now = this.now();
    const last = this.#noted.get(what) ?? Number.NEGATIVE_INFINITY;
    if (this.#noted.size >= 100) this.#noted.clear();
    this.#noted.set(what, now);
    if (now - last >= QUIET_MS) this.logger.warn(what);
  }
}

/** Redis's errors name addresses and commands, and no arguments. */
function describe(error: Error): string {
  const { code } = error as { code?: unknown };
  if (code === JOB_IS_GONE) return WHAT_JOB_IS_GONE;
  if (typeof code === 'number' || error.message.startsWith('could not renew lock')) return WHAT_HOLD_RAN_OUT;
  const what =
    typeof code === 'string'
      ? `Redis can't be reached (${code})`
      : `Redis: ${(withoutDetails(error.message) || error.name).replace(/\.$/, '')}`;
  return `${what}. Durable fan-outs wait until it is back.`;
}

/** One outage fails many scripts, and Redis says which and where; ioredis says how long it pauses each time. */
function withoutDetails(message: string): string {
  const [line = ''] = message.split('\n', 1);
  return line
    .replace(/ script: \w+, on @user_script.*$/, '')
    .replace(/ Retrying from scratch after \d+ms\./, '');
}
