import type { Queue } from 'bullmq';
import type { ReadyJobs, FanOutLedger } from './fan-out-ledger.js';

/** What a job says: nothing of the message, and of no recipient. */
export interface ChunkJobData {
  /** Of the fan-out. */
  readonly id: string;
  /** Of the chunk, or {@link END}. */
  readonly index: number;
}

/** In place of a chunk's index: the fan-out has ended, which the worker that gets the job emits as an event. */
export const END = -1;

/** So many jobs are added with one command. */
const JOBS_AT_ONCE = 100;

/**
 * Gives chunks their jobs, a bounded number ahead of those that are completed. Whoever completes a chunk adds the
 * next ones at the end of the queue, so that fan-outs take turns.
 */
export class ChunkJobs {
  // Private to the language: whoever prints it must not print a password.
  readonly #queue: Queue<ChunkJobData>;
  /** What is under way here, by fan-out: up to which chunk, and when all of it is done. */
  readonly #adding = new Map<string, { readonly to: number; readonly done: Promise<void> }>();

  constructor(
    queue: Queue<ChunkJobData>,
    private readonly ledger: FanOutLedger,
  ) {
    this.#queue = queue;
  }

  /**
   * Resolves when the chunks have their jobs. Those that are being given theirs here, by an earlier call, are not
   * given them again: until Redis has the note, whoever asks is told that they are ready.
   */
  async addReady(id: string, { from, to, isEndReady }: ReadyJobs): Promise<void> {
    // If that fails, a sweeper sees to it later.
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

  /** Jobs first, then the note that they are there: what is interrupted between the two is done again. */
  async #addFrom(id: string, from: number, to: number, earlier: Promise<void> | undefined): Promise<void> {
    const indexes = Array.from({ length: to - from }, (_none, at) => from + at);
    await Promise.all([this.add(id, indexes), earlier]);
    await this.ledger.enqueued(id, to);
  }

  /** A chunk that has a job already keeps that one. */
  async add(id: string, indexes: readonly number[]): Promise<void> {
    for (let at = 0; at < indexes.length; at += JOBS_AT_ONCE) {
      const jobs = indexes.slice(at, at + JOBS_AT_ONCE).map((index) => ({
        name: 'chunk',
        data: { id, index },
        opts: {
          // One at a time for a chunk: what a job leaves in flight was left by a worker that was lost.
          jobId: `${id}.${index}`,
          removeOnComplete: true,
          removeOnFail: true,
        },
      }));
      await this.ledger.throughOutages(() => this.#queue.addBulk(jobs));
    }
  }

  /** Gives jobs to all chunks that should have one, whatever became of those that they had. */
  async addMissing(id: string): Promise<void> {
    const enqueued = (await this.ledger.look(id))?.enqueuedChunks ?? 0;
    for await (const chunks of this.ledger.openChunks(id)) {
      await this.add(
        id,
        chunks.filter((index) => index < enqueued),
      );
    }
    await this.addReady(id, await this.ledger.ready(id));
  }
}
