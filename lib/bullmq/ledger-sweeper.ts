import type { ChunkJobs } from './chunk-jobs.js';
import type { FanOutLedger } from './fan-out-ledger.js';
import type { OutageLog } from './outage-log.js';

/**
 * Repairs fan-outs without progress at intervals: those whose producer was lost before it added jobs, those whose jobs
 * someone removed, and ended ones without a job for their end.
 */
export class LedgerSweeper {
  /** Completed chunks at the last sweep. */
  #completed = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #sweeping = false;

  constructor(
    private readonly ledger: FanOutLedger,
    private readonly jobs: ChunkJobs,
    private readonly intervalMs: number,
    private readonly outages: Pick<OutageLog, 'note'>,
  ) {}

  start(): void {
    this.#timer = setInterval(() => void this.#tick(), this.intervalMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async sweep(): Promise<void> {
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

  async #tick(): Promise<void> {
    if (this.#sweeping) return;
    this.#sweeping = true;
    try {
      await this.sweep();
    } catch (error) {
      this.outages.note(error);
    } finally {
      this.#sweeping = false;
    }
  }
}
