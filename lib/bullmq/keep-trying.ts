import { setTimeout as sleep } from 'node:timers/promises';

const PAUSE_MS = 250;

/**
 * Repeats failing work until it succeeds: Redis may be full, or refuse to write without its replicas.
 * @param isOver whether to give up. Then the last error is thrown.
 */
export async function keepTrying<T>(
  work: () => Promise<T>,
  isOver: () => boolean,
  pause: () => Promise<void> = () => sleep(PAUSE_MS),
): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (isOver()) throw error;
      await pause();
    }
  }
}
