import { Inject, Injectable } from '@nestjs/common';
import type { Queue } from 'bullmq';
import { FanOutLedger } from './fan-out-ledger.js';
import type { Cancellation } from '../waiting/cancellation.js';
import { TimeBox } from '../waiting/time-box.js';
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
  readonly #adding = new Map<string, { readonly to: number; readonly done: Promise<unknown> }>();

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
    if (start >= to) return void (await earlier?.done);
    const indexes = Array.from({ length: to - start }, (_none, at) => start + at);
    // Jobs first, and the note afterwards. An interruption between the two is repeated.
    const added = Promise.all([this.add(id, indexes), earlier?.done]);
    const adding = { to, done: added.then(() => this.ledger.enqueued(id, to)) };
    this.#adding.set(id, adding);
    try {
      await adding.done;
    } finally {
      if (this.#adding.get(id) === adding) this.#adding.delete(id);
    }
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

  /**
   * Repairs fan-outs without progress at intervals: those whose producer was lost before it added jobs, those whose jobs
   * someone removed, and ended ones without a job for their end.
   * @param stopping ends it, after a sweep that has begun
   * @param note is told why a sweep failed
   */
  async sweep(intervalMs: number, stopping: Cancellation, note: (error: unknown) => void): Promise<void> {
    /** Completed chunks at the last sweep. */
    let before = new Map<string, number>();
    for (;;) {
      await new TimeBox(intervalMs, stopping).unref().wait();
      if (stopping.isCancelled) return;
      const completed = new Map<string, number>();
      try {
        for await (const id of this.ledger.active()) {
          const state = await this.ledger.look(id);
          if (state === undefined) continue;
          completed.set(id, state.completedChunks);
          if (state.state === 'ended') await this.addReady(id, state.ready);
          else if (before.get(id) === state.completedChunks) await this.addMissing(id, state.ready);
        }
        before = completed;
      } catch (error) {
        note(error);
      }
    }
  }
}
