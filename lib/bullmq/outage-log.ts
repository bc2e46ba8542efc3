import type { LoggerService } from '@nestjs/common';
import { isError } from '../errors/thrown.js';

/** An outage is over after this long without an error. The next error is logged again. */
const QUIET_MS = 60_000;

/** Code of BullMQ's error for a missing job, and messages for BullMQ's errors. */
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

/** Logs failures of Redis, once for each outage: a lost connection fails many times a second. */
export class OutageLog {
  /** Last time of each problem. */
  readonly #noted = new Map<string, number>();

  /** @param now monotonic milliseconds */
  constructor(
    private readonly logger: Pick<LoggerService, 'warn'>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  note(thrown: unknown): void {
    this.#warnOnce(describe(isError(thrown) ? thrown : new Error('unknown')));
  }

  /** Logs that Redis lost a fan-out that was being sent. */
  reportLoss(): void {
    this.#warnOnce(WHAT_IS_LOST);
  }

  #warnOnce(what: string): void {
    const now = this.now();
    const last = this.#noted.get(what) ?? Number.NEGATIVE_INFINITY;
    if (this.#noted.size >= 100) this.#noted.clear();
    this.#noted.set(what, now);
    if (now - last >= QUIET_MS) this.logger.warn(what);
  }
}

/** Redis's errors contain addresses and commands, but no arguments. */
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

/**
 * Removes details that differ between errors of one outage: the script and the place from Redis, the pause from
 * ioredis.
 */
function withoutDetails(message: string): string {
  const [line = ''] = message.split('\n', 1);
  return line
    .replace(/ script: \w+, on @user_script.*$/, '')
    .replace(/ Retrying from scratch after \d+ms\./, '');
}
