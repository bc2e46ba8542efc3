import { Inject, Injectable } from '@nestjs/common';
import type { Queue } from 'bullmq';
import { FanOutLedger } from './fan-out-ledger.js';
import { BULL_QUEUE } from './fan-out-queue-settings.js';
import type { ReadyJobs } from './fan-out-state.js';

/** Data of a job. It contains nothing of the message and no recipient. */
export interface ChunkJobData {
  /** Of the fan-out. */
  readonly id: string;
  /** Of the chunk, or {@link END}. */
  readonly index: number;
}

/**
 * Stands for a chunk's index in the job for a fan-out's end. The worker that gets this job emits the end as an event.
 */
export const END = -1;

/** Number of jobs that one command adds. */
const JOBS_AT_ONCE = 100;

/**
 * Adds jobs for chunks, a bounded number ahead of the completed ones. The worker that completes a chunk adds the next
 * jobs at the end of the queue, so fan-outs take turns.
 */
@Injectable()
export class ChunkJobs {
  // A private field: printing it must not print a password.
  readonly #queue: Queue<ChunkJobData>;
  /** Jobs that this process is adding, by fan-out: up to which chunk, and when that is done. */
  readonly #adding = new Map<string, { readonly to: number; readonly done: Promise<void> }>();

  constructor(
    @Inject(BULL_QUEUE) queue: Queue<ChunkJobData>,
    private readonly ledger: FanOutLedger,
  ) {
    this.#queue = queue;
  }

  /**
   * Resolves when the chunks have jobs. Chunks whose jobs an earlier call is adding are skipped: until Redis has noted
   * them, every caller sees them as ready.
   */
  async addReady(id: string, { from, to, isEndReady }: ReadyJobs): Promise<void> {
    // If this fails, a sweeper repairs it later.
    if (isEndReady) await this.add(id, [END]).catch(() => undefined);
    const earlier = this.#adding.get(id);
    const start = Math.max(from, earlier?.to ?? 0);
    if (start >= to) return earlier?.done;
    const adding = { to, done: this.#addFrom(id, start, to, earlier?.done) };
    this.#adding.set(id, adding);
    try {
      await adding.done;
    } finally {
      if (this.#adding.get(id) === adding) this.#adding.delete(id);
    }
  }

  /** Adds jobs first and notes them afterwards. An interruption between the two is repeated. */
  async #addFrom(id: string, from: number, to: number, earlier: Promise<void> | undefined): Promise<void> {
    const indexes = Array.from({ length: to - from }, (_none, at) => from + at);
    await Promise.all([this.add(id, indexes), earlier]);
    await this.ledger.enqueued(id, to);
  }

  /** A chunk that already has a job keeps it. */
  async add(id: string, indexes: readonly number[]): Promise<void> {
    for (let at = 0; at < indexes.length; at += JOBS_AT_ONCE) {
      const jobs = indexes.slice(at, at + JOBS_AT_ONCE).map((index) => ({
        name: 'chunk',
        data: { id, index },
        // One job at a time for a chunk. A chunk that a job leaves in flight belonged to a lost worker.
        opts: { jobId: `${id}.${index}`, removeOnComplete: true, removeOnFail: true },
      }));
      await this.ledger.throughOutages(() => this.#queue.addBulk(jobs));
    }
  }

  /** Adds jobs for all chunks that should have one, whatever happened to their earlier jobs. */
  async addMissing(id: string, ready: ReadyJobs): Promise<void> {
    // No more than may be queued at once.
    const indexes: number[] = [];
    for await (const index of this.ledger.openChunks(id)) if (index < ready.from) indexes.push(index);
    await this.add(id, indexes);
    await this.addReady(id, ready);
  }
}
