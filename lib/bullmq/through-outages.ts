import { setTimeout as sleep } from 'node:timers/promises';
import { isError } from '../errors/thrown.js';
import type { RedisClient } from './redis-connection.js';

const PAUSE_MS = 100;

/** What Redis says of itself while it is being started, replaced, or moved from one node to another. */
const REPLIES = /(^| -)(LOADING|MASTERDOWN|READONLY|NOREPLICAS|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|UNBLOCKED) /;
/** What its client says of connections that were lost. */
const LOSSES =
  /^(Connection is closed|Command aborted due to connection close|Too many Cluster redirections|None of startup nodes|Failed to refresh slots|Cluster isn't ready|Stream isn't writeable)/;

/**
 * Does work on Redis, and again after what is no answer to it: a client repeats only what was under way when a
 * connection to one Redis was lost. For what may be done twice, as all scripts here may.
 * @throws what Redis says to it, and anything once the client has ended
 */
export async function throughOutages<T>(client: RedisClient, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (client.status === 'end' || !isOutage(error)) throw error;
      await sleep(PAUSE_MS);
    }
  }
}

function isOutage(error: unknown): boolean {
  return isError(error) && (REPLIES.test(error.message) || LOSSES.test(error.message));
}
