import type { LoggerService } from '@nestjs/common';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import { isError } from '../errors/thrown.js';
import { Interrupted, waitFor } from '../waiting/time-box.js';
import type { RedisClient } from '../redis-client/open-client.js';

/** Time limit of the boot for Redis, and the wait before the log mentions it, in milliseconds. */
const CONNECT_MS = 10_000;
const WARN_AFTER_MS = 500;
/** Time limit for an answer, in milliseconds. A slower Redis counts as unavailable. */
const ANSWER_MS = 1_000;

/**
 * Waits until Redis answers, since app and Redis often start together, and checks that Redis accepts writes.
 * @param key one of ours. The write changes nothing.
 * @throws RtcConfigError when Redis does not answer in time or refuses. Redis's messages hold no password.
 */
export async function requireWritable(
  client: RedisClient,
  key: string,
  logger: Pick<LoggerService, 'warn'>,
): Promise<void> {
  let last: string | undefined;
  const note = (error: Error): void => void (last = error.message);
  client.on('error', note);
  const warning = setTimeout(
    () =>
      logger.warn(
        `Redis does not answer yet (${last ?? 'no connection'}). ` +
          `The app starts when it does, or fails after ${CONNECT_MS / 1_000} s.`,
      ),
    WARN_AFTER_MS,
  );
  try {
    // Removes a missing member: a replica refuses this too, and a full Redis does not.
    await waitFor(() => client.srem(key, 'nothing'), CONNECT_MS);
  } catch (error) {
    client.disconnect();
    const why = isError(error) && !(error instanceof Interrupted) ? error.message : (last ?? 'no answer');
    throw new RtcConfigError([
      { option: 'RtcFanOutQueueModule.connection', message: `Redis can't be used: ${withAdvice(why)}` },
    ]);
  } finally {
    clearTimeout(warning);
    client.off('error', note);
  }
}

/**
 * Whether Redis is available and accepts writes.
 * @param key one of ours. The write changes nothing.
 */
export async function canBeWritten(client: RedisClient, key: string): Promise<boolean> {
  if (client.status !== 'ready') return false;
  try {
    await waitFor(() => client.srem(key, 'nothing'), ANSWER_MS);
    return true;
  } catch {
    return false;
  }
}

function withAdvice(why: string): string {
  if (!why.startsWith('READONLY')) return why;
  return `${why.replace(/\.$/, '')}; connect to the primary, or by Sentinel or Cluster options`;
}
