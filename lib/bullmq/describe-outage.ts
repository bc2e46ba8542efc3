import { isError } from '../errors/thrown.js';

/** Details that differ between errors of one outage: the script and the place from Redis, the pause from ioredis. */
const DETAILS = / script: \w+, on @user_script.*| Retrying from scratch after \d+ms\.|\n.*/gs;

/**
 * The log's line about a failure of Redis, or about an error of BullMQ. Redis's errors contain addresses and commands,
 * but no arguments.
 * @returns undefined for errors that the ledger or a later error tells better
 */
export function describeOutage(thrown: unknown): string | undefined {
  const { message, name, code } = (isError(thrown) ? thrown : new Error('unknown')) as Error & {
    code?: unknown;
  };
  // BullMQ's codes. A job that is gone (-1) was completed before the answer was lost, or is replaced if its chunk is
  // still open. A lock that can't be renewed is missing when the job is completed.
  if (code === -1 || message.startsWith('could not renew lock')) return undefined;
  if (typeof code === 'number') {
    return (
      "A worker's hold on a chunk ran out before it was done: Redis was away or refused to write, or the process stood " +
      'still. BullMQ hands the chunk out again, and the ledger sees to it that it is not sent twice.'
    );
  }
  const what = typeof code === 'string' ? `Redis can't be reached (${code})` : `Redis: ${message || name}`;
  return `${what.replace(DETAILS, '').replace(/\.$/, '')}. Durable fan-outs wait until it is back.`;
}
