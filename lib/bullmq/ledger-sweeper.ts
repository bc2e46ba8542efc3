import { setTimeout as sleep } from 'node:timers/promises';
import type { ChunkJobs } from './chunk-jobs.js';
import type { FanOutLedger } from './fan-out-ledger.js';
import type { RedisHolder } from './redis-holder.js';

/**
 * Repairs fan-outs without progress at intervals: those whose producer was lost before it added jobs, those whose jobs
 * someone removed, and ended ones without a job for their end.
 */
export class LedgerSweeper {
  /** Completed chunks at the last sweep. */
  #completed = new Map<string, number>();

  constructor(
    private readonly ledger: FanOutLedger,
    private readonly jobs: ChunkJobs,
    private readonly outages: Pick<RedisHolder, 'note'>,
  ) {}

  /** @param signal ends the sweeping, after a sweep that has begun */
  async run(intervalMs: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      await sleep(intervalMs, undefined, { ref: false, signal }).catch(() => undefined);
      if (signal.aborted) return;
      await this.#sweep().catch((error: unknown) => this.outages.note(error));
    }
  }

  async #sweep(): Promise<void> {
    const completed = new Map<string, number>();
    for await (const id of this.ledger.active()) {
      const state = await this.ledger.look(id);
      if (state === undefined) continue;
      if (state.state === 'ended') {
        await this.jobs.addReady(id, state.ready);
        continue;
      }
      completed.set(id, state.completedChunks);
      if (this.#completed.get(id) === state.completedChunks) await this.jobs.addMissing(id, state.ready);
    }
    this.#completed = completed;
  }
}
