import { setTimeout as sleep } from 'node:timers/promises';
import { isError } from '../errors/thrown.js';
import type { RedisClient } from './redis-connection.js';

const PAUSE_MS = 100;

/** Redis's errors while it starts, fails over, or moves keys to another node. */
const REPLIES = /(^| -)(LOADING|MASTERDOWN|READONLY|NOREPLICAS|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|UNBLOCKED) /;
/** ioredis's errors for lost connections. */
const LOSSES =
  /^(Connection is closed|Command aborted due to connection close|Too many Cluster redirections|None of startup nodes|Failed to refresh slots|Cluster isn't ready|Stream isn't writeable)/;

/**
 * Runs work on Redis, and repeats it after outages. The client itself repeats only commands in flight when a single
 * Redis's connection is lost. The work must be safe to repeat, as all scripts here are.
 * @throws Redis's answers that are errors, and any error after the client has ended
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
