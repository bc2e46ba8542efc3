import type { ChunkFeeder } from './chunk-feeder.js';
import type { FanOutLedger } from './fan-out-ledger.js';
import type { OutageLog } from './outage-log.js';

/**
 * Looks, once in a while, after fan-outs with which nothing happens: those whose producer was lost before it gave
 * chunks their jobs, those whose jobs someone removed, and those that ended and were given no job for that.
 */
export class LedgerSweeper {
  /** Settled chunks, at the last look. */
  #settled = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #sweeping = false;

  constructor(
    private readonly ledger: FanOutLedger,
    private readonly feeder: ChunkFeeder,
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
    const settled = new Map<string, number>();
    for await (const id of this.ledger.active()) {
      const state = await this.ledger.look(id);
      if (state === undefined) continue;
      if (state.state === 'ended') {
        await this.feeder.feed(id, await this.ledger.due(id));
        continue;
      }
      settled.set(id, state.settledChunks);
      if (this.#settled.get(id) === state.settledChunks) await this.feeder.refeed(id);
    }
    this.#settled = settled;
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
