import { isError } from '../errors/thrown.js';

/** Code of BullMQ's error for a missing job, and messages for BullMQ's errors. */
const JOB_IS_GONE = -1;
const WHAT_JOB_IS_GONE =
  "A chunk's job is gone from Redis: someone removed it, or Redis has lost what it held. The chunk gets another " +
  'one unless it is completed.';
const WHAT_HOLD_RAN_OUT =
  "A worker's hold on a chunk ran out before it was done: Redis was away or refused to write, or the process stood " +
  'still. BullMQ hands the chunk out again, and the ledger sees to it that it is not sent twice.';

/** The log's line if Redis lost a fan-out that was being sent. */
export const WHAT_IS_LOST =
  'Redis has lost what it held of a fan-out that was being sent: it was flushed, restarted without what it held, or ' +
  'someone deleted keys. What became of the fan-out can not be written down any more.';

/** The log's line about a failure of Redis. Its errors contain addresses and commands, but no arguments. */
export function describeOutage(thrown: unknown): string {
  const error = isError(thrown) ? thrown : new Error('unknown');
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
