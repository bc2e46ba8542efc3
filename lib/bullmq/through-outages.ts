import { setTimeout as sleep } from 'node:timers/promises';
import { isError } from '../errors/thrown.js';
import type { Cancellation } from '../waiting/cancellation.js';
import { waitFor } from '../waiting/time-box.js';

const PAUSE_MS = 100;

/** Redis's errors while it starts, fails over, can't save, runs a long script, or moves keys to another node. */
const REPLIES =
  /(^| -)(LOADING|MASTERDOWN|READONLY|NOREPLICAS|MISCONF|BUSY|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|UNBLOCKED) /;
/** ioredis's errors for lost connections. */
const LOSSES =
  /^(Connection is closed|Command aborted due to connection close|Too many Cluster redirections|None of startup nodes|Failed to refresh slots|Cluster isn't ready|Stream isn't writeable)/;

/**
 * Repeats work on Redis after outages. The work must be safe to repeat, as all scripts here are. The client itself
 * repeats only commands in flight when a single Redis's connection is lost.
 * @param closing rejects what waits for an answer. Until then, a client that has ended is begun again.
 * @throws Redis's answers that are errors, and any error once it is over
 */
export async function throughOutages<T>(work: () => Promise<T>, closing: Cancellation): Promise<T> {
  for (;;) {
    try {
      return await waitFor(work, Number.POSITIVE_INFINITY, closing);
    } catch (error) {
      const isOutage = isError(error) && (REPLIES.test(error.message) || LOSSES.test(error.message));
      if (closing.isCancelled || !isOutage) throw error;
      await sleep(PAUSE_MS);
    }
  }
}
