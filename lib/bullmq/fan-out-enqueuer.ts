import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { RtcValidationError } from '../errors/rtc-validation.error.js';
import { kindOfThrown } from '../errors/thrown.js';
import type { FanOutRequest } from '../fan-out/fan-out-request.js';
import { RecipientChunks } from '../fan-out/recipient-chunks.js';
import { Cancellation } from '../waiting/cancellation.js';
import { TimeBox, waitFor } from '../waiting/time-box.js';
import type { ChunkJobs } from './chunk-jobs.js';
import { FanOutEnqueueError, type FanOutEnqueueErrorInit } from './fan-out-enqueue.error.js';
import type { FanOutLedger, FanOutPlan } from './fan-out-ledger.js';
import { ReadAhead } from './read-ahead.js';

/** Interval of checks for free space, in milliseconds. */
const ROOM_POLL_MS = 100;
/** Time limit for reporting that a producer has given up, in milliseconds. */
const GIVE_UP_MS = 1_000;

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
    if (signals.some(({ aborted }) => aborted)) {
      throw notEnqueued(id, 'was aborted. Nothing was stored.', { outcome: 'not_attempted' });
    }
    this.#box = new TimeBox(Infinity, this.#failing, ...signals);
  }

  /** Resolves when all recipients are stored, or the fan-out was stopped. */
  async enqueue(to: FanOutRequest['to'], plan: FanOutPlan): Promise<void> {
    const box = this.#box;
    let refusal: Error | undefined;
    try {
      refusal = await this.#enqueue(to, plan);
    } catch (error) {
      if (box.interruption !== undefined && !this.#failing.isCancelled) {
        throw notEnqueued(this.id, 'was aborted. What was stored is sent.');
      }
      const cause = box.interruption === undefined ? error : this.#failing.reason;
      // Only the name of the cause is shown. Its message may hold anything.
      const what = `failed (${kindOfThrown(cause)}, see \`cause\`). What was stored is sent.`;
      throw notEnqueued(this.id, what, { cause });
    } finally {
      box.dispose();
    }
    if (refusal !== undefined) throw refusal;
  }

  /**
   * Chunks that were stored before, by any producer, are read again and compared, and not stored again.
   * @returns why this is not the request of that fan-out, or what has become of it
   */
  async #enqueue(to: FanOutRequest['to'], plan: FanOutPlan): Promise<Error | undefined> {
    const { id, ledger } = this;
    const box = this.#box;
    let source: ReadAhead | undefined;
    let heartbeats: NodeJS.Timeout | undefined;
    try {
      const opened = await box.guard(() => ledger.open(id, this.#producer, plan));
      if (opened.result === 'differs') return otherRequest(id, opened.more ?? []);
      // Reading may take longer than a producer may be silent.
      heartbeats = setInterval(
        () => void ledger.producer(id, this.#producer, 'lives').catch(() => undefined),
        Math.max(100, Math.floor(plan.producerLostAfterMs / 4)),
      ).unref();
      const { chunkSize, dedupe, storedChunks } = opened;
      const reader = new ReadAhead(new RecipientChunks(to, chunkSize, dedupe), storedChunks);
      source = reader;
      for (let end = storedChunks, limit = end + 1; ;) {
        // One chunk more than there is space for: the source may be at its end.
        const readTo = Math.max(limit, end + 1);
        const batch = await box.guard(() => reader.next(readTo));
        end = batch.from + batch.chunks.length;
        if (limit < end) await this.#room(end);
        const stored = await box.guard(() => ledger.store(id, this.#producer, batch));
        if (stored.result === 'gone') return gone(id);
        if (stored.result === 'differs') return otherRecipients(id);
        if (stored.result === 'stopped') return undefined;
        const adding = this.jobs.addReady(id, stored.ready);
        adding.catch((error: unknown) => {
          // A failure after an abort (such as a closed client) is not the reason.
          if (box.interruption === undefined) this.#failing.cancel(error);
        });
        if (stored.result === 'closed') return void (await box.guard(adding));
        limit = stored.completedChunks + this.maxStoredChunks;
      }
    } finally {
      source?.stop();
      // Before giving up: a later heartbeat would say that the producer lives.
      clearInterval(heartbeats);
      await this.#giveUp();
    }
  }

  /** Waits until there is space for all chunks before `end`, or the fan-out is stopped. */
  async #room(end: number): Promise<void> {
    for (;;) {
      await this.#box.guard(() => sleep(ROOM_POLL_MS));
      const state = await this.#box.guard(() => this.ledger.look(this.id));
      // Otherwise, the next store command returns the reason.
      if (!state?.isRunning || state.completedChunks + this.maxStoredChunks >= end) return;
    }
  }

  /**
   * The stored chunks are sent without the producer, including those of a command that was no longer awaited. If this
   * fails, Redis takes the producer for lost later.
   */
  async #giveUp(): Promise<void> {
    const giveUp = async (): Promise<void> => {
      const { ready } = await this.ledger.producer(this.id, this.#producer, 'gives up');
      await this.jobs.addReady(this.id, ready);
    };
    await waitFor(giveUp, GIVE_UP_MS).catch(() => undefined);
  }
}

function notEnqueued(
  fanOutId: string,
  what: string,
  init: Partial<FanOutEnqueueErrorInit> = {},
): FanOutEnqueueError {
  return new FanOutEnqueueError(`Enqueuing fan-out ${fanOutId} ${what}`, {
    fanOutId,
    outcome: 'unknown',
    hint: 'Enqueue the same request under the same ID again to go on, or cancel() what was stored.',
    ...init,
  });
}

/** Redis was emptied or lost its data, or the fan-out was cancelled and has expired. */
function gone(id: string): FanOutEnqueueError {
  const what = `failed: fan-out ${id} is gone from Redis, or a part of it is; some may have been sent to.`;
  return notEnqueued(id, what, {
    hint:
      'Keep what Redis holds (persistence, noeviction, a longer retentionMs and maxIdleMs). Nothing is known any ' +
      'more of who was sent to: enqueuing the request again, under this ID or another, may send to them twice.',
  });
}

function otherRecipients(id: string): RtcValidationError {
  const message =
    `is not the source of fan-out ${id}, for which this ID was used before; give the same source in the same ` +
    'order, take another ID, or find that fan-out with get()';
  return new RtcValidationError([{ path: 'to', message }]);
}

function otherRequest(id: string, differing: readonly string[]): RtcValidationError {
  const message =
    `${id} was used before, for a fan-out with another ${differing.join(' and another ')}; take another ID, or ` +
    'find that fan-out with get()';
  return new RtcValidationError([{ path: 'options.id', message }]);
}
