import { setTimeout as sleep } from 'node:timers/promises';

const PAUSE_MS = 250;

/**
 * Does what fails again, until it is done: Redis may be full, or refuse to write for want of replicas.
 * @param isOver whether to give up; the work's last error is thrown then
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
