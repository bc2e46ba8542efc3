import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { RtcValidationError } from '../errors/rtc-validation.error.js';
import { kindOfThrown } from '../errors/thrown.js';
import type { FanOutRequest } from '../fan-out/fan-out-request.js';
import { RecipientChunks } from '../fan-out/recipient-chunks.js';
import { Cancellation } from '../waiting/cancellation.js';
import { TimeBox, waitFor } from '../waiting/time-box.js';
import type { ChunkJobs } from './chunk-jobs.js';
import { FanOutEnqueueError } from './fan-out-enqueue.error.js';
import type { FanOutLedger, FanOutPlan, OpenedFanOut, OtherFanOut, StoreResult } from './fan-out-ledger.js';
import { ReadAhead } from './read-ahead.js';

/** Interval of checks for free space, in milliseconds. */
const ROOM_POLL_MS = 100;
/** Time limit for reporting that a producer has given up, in milliseconds. */
const GIVE_UP_MS = 1_000;
const HOW_TO_GO_ON =
  'Enqueue the same request under the same ID again to go on, or cancel() what was stored.';

/**
 * Stores the source of one fan-out in Redis, a bounded number of chunks ahead of the completed ones. Only one storing
 * command is in flight at a time, so chunks are stored in order. Chunks that are read in the meantime go with the next
 * command.
 */
export class FanOutEnqueuer {
  readonly #producer = randomUUID();
  /** Carries failures of work that is not awaited at the time. */
  readonly #failing = new Cancellation();
  readonly #box: TimeBox;

  /**
   * @param maxStoredChunks largest number of stored chunks that are not completed
   * @param signals each stops the enqueuing, even while Redis is unavailable
   */
  constructor(
    private readonly ledger: FanOutLedger,
    private readonly jobs: ChunkJobs,
    private readonly maxStoredChunks: number,
    private readonly id: string,
    signals: readonly AbortSignal[],
  ) {
    if (signals.some(({ aborted: isAborted }) => isAborted)) throw aborted(id, 'not_attempted');
    this.#box = new TimeBox(Infinity, this.#failing, ...signals);
  }

  /** Resolves when all recipients are stored, or the fan-out was stopped. */
  async enqueue(to: FanOutRequest['to'], plan: FanOutPlan): Promise<void> {
    const { id } = this;
    let stored: StoreResult | OtherFanOut;
    try {
      stored = await this.#enqueue(to, plan);
    } catch (error) {
      if (this.#box.interruption === undefined) throw failed(id, error);
      throw this.#failing.isCancelled ? failed(id, this.#failing.reason) : aborted(id, 'unknown');
    } finally {
      this.#box.dispose();
    }
    if (stored === 'gone') throw gone(id);
    if (stored === 'differs') throw otherRecipients(id);
    if (typeof stored === 'object') throw otherRequest(id, stored);
  }

  async #enqueue(to: FanOutRequest['to'], plan: FanOutPlan): Promise<StoreResult | OtherFanOut> {
    let heartbeats: NodeJS.Timeout | undefined;
    let isProducer = true;
    try {
      const opened = await this.#box.guard(() => this.ledger.open(this.id, this.#producer, plan));
      isProducer = !('differing' in opened);
      if ('differing' in opened) return opened;
      // Reading may take longer than a producer may be silent.
      heartbeats = setInterval(
        () => void this.ledger.heartbeat(this.id, this.#producer).catch(() => undefined),
        Math.max(100, Math.floor(plan.producerLostAfterMs / 4)),
      ).unref();
      const stored = await this.#store(to, opened);
      isProducer = stored !== 'closed';
      return stored;
    } finally {
      // Before giving up: a later heartbeat would say that the producer lives.
      clearInterval(heartbeats);
      if (isProducer) await this.#giveUp();
    }
  }

  /** Chunks that were stored before, by any producer, are read again and compared, and not stored again. */
  async #store(to: FanOutRequest['to'], opened: OpenedFanOut): Promise<StoreResult> {
    const box = this.#box;
    const source = new ReadAhead(new RecipientChunks(to, opened.chunkSize, opened.dedupe), opened.stored);
    let end = opened.stored;
    // Until the number of completed chunks is known.
    let limit = end + 1;
    try {
      for (;;) {
        // One chunk more than there is space for: the source may be at its end.
        const readTo = Math.max(limit, end + 1);
        const batch = await box.guard(() => source.next(readTo));
        end = batch.from + batch.chunks.length;
        if (limit < end) limit = await this.#room(end);
        const stored = await box.guard(() => this.ledger.store(this.id, this.#producer, batch));
        if (stored.result !== 'stored' && stored.result !== 'closed') return stored.result;
        const adding = this.jobs.addReady(this.id, stored.ready);
        adding.catch((error: unknown) => {
          // A failure after an abort (such as a closed client) is not the reason.
          if (box.interruption === undefined) this.#failing.cancel(error);
        });
        if (stored.result === 'closed') {
          await box.guard(adding);
          return 'closed';
        }
        limit = stored.completedChunks + this.maxStoredChunks;
      }
    } finally {
      source.stop();
    }
  }

  /**
   * Waits until there is space for all chunks before `end`, or the fan-out is stopped.
   * @returns the index of the first chunk without space
   */
  async #room(end: number): Promise<number> {
    for (;;) {
      await this.#box.guard(() => sleep(ROOM_POLL_MS));
      const state = await this.#box.guard(() => this.ledger.look(this.id));
      // The next store command returns the reason.
      if (state === undefined || state.stop !== undefined) return end;
      const limit = state.completedChunks + this.maxStoredChunks;
      if (limit >= end) return limit;
    }
  }

  /**
   * The stored chunks are sent without the producer, including those of a command that was no longer awaited. If this
   * fails, Redis takes the producer for lost later.
   */
  async #giveUp(): Promise<void> {
    const giveUp = async (): Promise<void> => {
      const { ready } = await this.ledger.giveUp(this.id, this.#producer);
      await this.jobs.addReady(this.id, ready);
    };
    await waitFor(giveUp, GIVE_UP_MS).catch(() => undefined);
  }
}

function aborted(id: string, outcome: 'not_attempted' | 'unknown'): FanOutEnqueueError {
  const what = outcome === 'unknown' ? 'What was stored is sent' : 'Nothing was stored';
  return new FanOutEnqueueError(`Enqueuing fan-out ${id} was aborted. ${what}.`, {
    fanOutId: id,
    outcome,
    hint: HOW_TO_GO_ON,
  });
}

/** Only the name of the cause is shown. Its message may hold anything. */
function failed(id: string, cause: unknown): FanOutEnqueueError {
  return new FanOutEnqueueError(
    `Enqueuing fan-out ${id} failed (${kindOfThrown(cause)}, see \`cause\`). What was stored is sent.`,
    { fanOutId: id, outcome: 'unknown', hint: HOW_TO_GO_ON, cause },
  );
}

/** Redis was emptied or lost its data, or the fan-out was cancelled and has expired. */
function gone(id: string): FanOutEnqueueError {
  return new FanOutEnqueueError(
    `Fan-out ${id} is gone from Redis, or a part of it is, while it was enqueued; some may have been sent to.`,
    {
      fanOutId: id,
      outcome: 'unknown',
      hint:
        'Keep what Redis holds (persistence, noeviction, a longer retentionMs and maxIdleMs). Nothing is known any ' +
        'more of who was sent to: enqueuing the request again, under this ID or another, may send to them twice.',
    },
  );
}

function otherRecipients(id: string): RtcValidationError {
  return new RtcValidationError([
    {
      path: 'to',
      message:
        `is not the source of fan-out ${id}, for which this ID was used before; give the same source in the same ` +
        'order, take another ID, or find that fan-out with get()',
    },
  ]);
}

function otherRequest(id: string, { differing }: OtherFanOut): RtcValidationError {
  return new RtcValidationError([
    {
      path: 'options.id',
      message:
        `${id} was used before, for a fan-out with another ${differing.join(' and another ')}; take another ID, or ` +
        'find that fan-out with get()',
    },
  ]);
}
