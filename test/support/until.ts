import { setTimeout as sleep } from 'node:timers/promises';

/** Waits for a condition, whatever the machine's pace. Jest's own time limit ends it. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(5);
}
