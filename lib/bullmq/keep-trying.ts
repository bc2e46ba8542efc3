import { setTimeout as sleep } from 'node:timers/promises';
import { isError } from '../errors/thrown.js';
import type { RedisClient } from '../redis-client/open-client.js';
import type { Cancellation } from '../waiting/cancellation.js';
import { waitFor } from '../waiting/time-box.js';

const PAUSE_MS = 100;

/** Redis's errors while it starts, fails over, or moves keys to another node. */
const REPLIES = /(^| -)(LOADING|MASTERDOWN|READONLY|NOREPLICAS|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|UNBLOCKED) /;
/** ioredis's errors for lost connections. */
const LOSSES =
  /^(Connection is closed|Command aborted due to connection close|Too many Cluster redirections|None of startup nodes|Failed to refresh slots|Cluster isn't ready|Stream isn't writeable)/;

/**
 * Repeats work that fails until it succeeds. The work must be safe to repeat, as all scripts here are.
 * @param isOver whether to give up. Then the error is thrown.
 */
export async function keepTrying<T>(
  work: () => Promise<T>,
  isOver: (error: unknown) => boolean,
  pause: () => Promise<void> = () => sleep(PAUSE_MS),
): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (isOver(error)) throw error;
      await pause();
    }
  }
}

/**
 * Repeats work on Redis after outages. The client itself repeats only commands in flight when a single Redis's
 * connection is lost.
 * @param closing rejects what waits for an answer. Until then, a client that has ended is begun again.
 * @throws Redis's answers that are errors, and any error once it is over
 */
export function throughOutages<T>(
  client: RedisClient,
  work: () => Promise<T>,
  closing?: Cancellation,
): Promise<T> {
  return keepTrying(
    () => waitFor(work, Number.POSITIVE_INFINITY, closing),
    (error) => (closing ? closing.isCancelled : client.status === 'end') || !isOutage(error),
  );
}

function isOutage(error: unknown): boolean {
  return isError(error) && (REPLIES.test(error.message) || LOSSES.test(error.message));
}
