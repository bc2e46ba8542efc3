import { setTimeout as sleep } from 'node:timers/promises';
import { RtcAbortedError } from '../errors/rtc-aborted.error.js';
import { RtcValidationError } from '../errors/rtc-validation.error.js';
import type { FanOutRequest } from '../fan-out/fan-out-request.js';
import type { InvalidRecipient } from '../fan-out/fan-out-report.js';
import { RecipientChunks } from '../fan-out/recipient-chunks.js';
import type { ChunkFeeder } from './chunk-feeder.js';
import type { FanOutLedger, FanOutPlan, OpenedFanOut, StoreResult } from './fan-out-ledger.js';
import { nextDigest, NO_CHUNKS } from './source-digest.js';

/** How often it is looked whether there is room for more. */
const ROOM_POLL_MS = 100;

/** Reads a source into Redis, chunk by chunk: no further than is sent, plus a bounded number of chunks. */
export class FanOutEnqueuer {
  /** @param maxStoredChunks that are not settled */
  constructor(
    private readonly ledger: FanOutLedger,
    private readonly feeder: ChunkFeeder,
    private readonly maxStoredChunks: number,
  ) {}

  /**
   * Resolves when everyone is stored, or the fan-out was stopped meanwhile.
   * @param signal stops the reading
   */
  async enqueue(id: string, to: FanOutRequest['to'], plan: FanOutPlan, signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw aborted(id, 'not_attempted');
    const opened = await this.ledger.open(id, plan);
    if (opened === undefined) {
      throw new RtcValidationError([
        { path: 'options.id', message: `${id} names a fan-out with another request; take another ID` },
      ]);
    }
    if (!opened.isWanted) return;
    // Reading may take longer than a producer may be silent.
    const beating = setInterval(
      () => void this.ledger.beat(id).catch(() => undefined),
      Math.max(100, Math.floor(plan.producerLostAfterMs / 4)),
    );
    beating.unref();
    try {
      await this.#store(id, to, opened, signal);
    } catch (error) {
      await this.ledger.giveUp(id).catch(() => undefined);
      throw error;
    } finally {
      clearInterval(beating);
    }
  }

  async #store(
    id: string,
    to: FanOutRequest['to'],
    opened: OpenedFanOut,
    signal: AbortSignal,
  ): Promise<void> {
    const chunks = new RecipientChunks(to, opened.chunkSize, opened.dedupe);
    const aborting = abortion(signal);
    let digest = NO_CHUNKS;
    let listed = 0;
    const newlyInvalid = (): readonly InvalidRecipient[] => chunks.invalid.slice(listed);
    const read = () => ({
      input: chunks.input,
      duplicates: chunks.duplicates,
      invalid: chunks.invalidCount,
    });
    try {
      for (;;) {
        const chunk = await aborting.or(chunks.next());
        if (chunk === undefined) break;
        const after = nextDigest(digest, chunk.recipients);
        // What was stored before a crash is read again, and not stored again.
        if (chunk.index >= opened.stored) {
          const stored = await this.ledger.store(
            id,
            chunk,
            { before: digest, after },
            read(),
            newlyInvalid(),
          );
          if (!(await this.#goesOn(id, stored, aborting))) return;
        } else if (chunk.index === opened.stored - 1 && after !== opened.digest) {
          throw differs(id);
        }
        digest = after;
        listed = chunks.invalid.length;
      }
      const sealed = await this.ledger.seal(id, digest, read(), newlyInvalid());
      if (sealed === 'differs') throw differs(id);
      if (sealed === 'gone') throw lost(id);
    } catch (error) {
      throw error === aborting.reason ? aborted(id, 'unknown') : error;
    } finally {
      chunks.stop();
      aborting.dispose();
    }
  }

  /** Waits until there is room for more. False when no more is wanted. */
  async #goesOn(id: string, stored: StoreResult, aborting: Abortion): Promise<boolean> {
    if (stored.result === 'differs') throw differs(id);
    if (stored.result === 'gone') throw lost(id);
    if (stored.result !== 'stored') return false;
    await this.feeder.feed(id, stored.due);
    if (stored.unsettled < this.maxStoredChunks) return true;
    for (;;) {
      await aborting.or(sleep(ROOM_POLL_MS));
      const state = await this.ledger.look(id);
      if (state === undefined) throw lost(id);
      if (state.stop !== undefined) return false;
      if (state.storedChunks - state.settledChunks < this.maxStoredChunks) return true;
    }
  }
}

/** What a signal does to promises that know nothing of it. */
interface Abortion {
  readonly reason: Error;
  or<T>(work: Promise<T>): Promise<T>;
  dispose(): void;
}

function abortion(signal: AbortSignal): Abortion {
  const reason = new Error('aborted');
  let abort: (() => void) | undefined;
  const listener = (): void => abort?.();
  signal.addEventListener('abort', listener, { once: true });
  return {
    reason,
    or: (work) =>
      new Promise((resolve, reject) => {
        abort = () => reject(reason);
        if (signal.aborted) abort();
        work.then(resolve, reject);
      }),
    dispose: () => signal.removeEventListener('abort', listener),
  };
}

function aborted(id: string, outcome: 'not_attempted' | 'unknown'): RtcAbortedError {
  const what = outcome === 'unknown' ? 'What was stored is sent' : 'Nothing was stored';
  return new RtcAbortedError(`Enqueuing fan-out ${id} was aborted. ${what}.`, {
    outcome,
    hint: 'Enqueue the same request under the same ID again to go on, or cancel() what was stored.',
  });
}

function differs(id: string): RtcValidationError {
  return new RtcValidationError([
    {
      path: 'to',
      message: `is not what was stored of fan-out ${id} before; going on needs the same source, in the same order`,
    },
  ]);
}

/** Redis was emptied, or restarted without what it held; or the fan-out was cancelled and has expired meanwhile. */
function lost(id: string): RtcAbortedError {
  return new RtcAbortedError(
    `Fan-out ${id} is gone from Redis while it was enqueued; some may have been sent to.`,
    {
      outcome: 'unknown',
      hint: 'Keep what Redis holds (persistence, noeviction), and enqueue the request again.',
    },
  );
}
