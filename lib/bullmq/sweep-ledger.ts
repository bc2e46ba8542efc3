import { setTimeout as sleep } from 'node:timers/promises';
import type { ChunkJobs } from './chunk-jobs.js';
import type { FanOutLedger } from './fan-out-ledger.js';

/**
 * Repairs fan-outs without progress at intervals: those whose producer was lost before it added jobs, those whose jobs
 * someone removed, and ended ones without a job for their end.
 * @param signal ends the sweeping, after a sweep that has begun
 * @param note is told why a sweep failed
 */
export async function sweepLedger(
  ledger: FanOutLedger,
  jobs: ChunkJobs,
  intervalMs: number,
  signal: AbortSignal,
  note: (error: unknown) => void,
): Promise<void> {
  /** Completed chunks at the last sweep. */
  let before = new Map<string, number>();
  for (;;) {
    await sleep(intervalMs, undefined, { ref: false, signal }).catch(() => undefined);
    if (signal.aborted) return;
    const completed = new Map<string, number>();
    try {
      for await (const id of ledger.active()) {
        const state = await ledger.look(id);
        if (state === undefined) continue;
        completed.set(id, state.completedChunks);
        if (state.state === 'ended') await jobs.addReady(id, state.ready);
        else if (before.get(id) === state.completedChunks) await jobs.addMissing(id, state.ready);
      }
      before = completed;
    } catch (error) {
      note(error);
    }
  }
}
