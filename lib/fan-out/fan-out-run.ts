import { randomUUID } from 'node:crypto';
import type { RtcFanOutInfo } from '../diagnostics/rtc-event.js';
import { Cancellation, onAbort } from '../waiting/cancellation.js';
import { Interrupted, waitFor } from '../waiting/time-box.js';
import type { ChunkSender, FanOutHost } from './chunk-sender.js';
import { type FanOutProgress, type FanOutReport, type FanOutStop, outcomeEvent } from './fan-out-report.js';
import type { FanOutOptions } from './fan-out-request.js';
import { FanOutTally } from './fan-out-tally.js';
import { ProgressMeter } from './progress-meter.js';
import type { Chunk, RecipientChunks } from './recipient-chunks.js';

/** Interval of progress reports, in milliseconds. */
const PROGRESS_EVERY_MS = 250;

/** The options of a run, with defaults. */
export type FanOutPlan = Required<Pick<FanOutOptions, 'keepChunks' | 'keepRecipients'>> &
  Pick<FanOutOptions, 'signal' | 'deadlineMs' | 'concurrency' | 'total' | 'onChunk' | 'onProgress'>;

/** One fan-out. Several workers each read a chunk and send it, until the source ends or something stops the fan-out. */
export class FanOutRun<Item = string> {
  readonly #info: RtcFanOutInfo;
  readonly #started = performance.now();
  readonly #tally: FanOutTally<Item, Item | number>;
  readonly #meter = new ProgressMeter();
  readonly #stopping = new Cancellation();
  #stop: FanOutStop | undefined;
  readonly #workers = new Set<Promise<void>>();

  constructor(
    private readonly chunks: RecipientChunks<Item>,
    private readonly sender: ChunkSender<Item>,
    private readonly plan: FanOutPlan,
    private readonly host: FanOutHost,
  ) {
    this.#info = { module: host.module, id: randomUUID(), startedAt: new Date().toISOString() };
    this.#tally = new FanOutTally(plan.keepChunks, plan.keepRecipients, sender.positionOf);
  }

  /**
   * Runs the fan-out to its end. It rejects only with an RtcValidationError, before it begins, if the signal can't be
   * listened to.
   */
  async run(): Promise<FanOutReport> {
    const { signal, deadlineMs } = this.plan;
    const stopListening = [
      signal && this.#listen(signal, { reason: 'aborted' }),
      this.#listen(this.host.closing, { reason: 'shutdown' }),
    ];
    this.host.emit({ type: 'fan_out_begin', fanOut: this.#info });
    const timer =
      deadlineMs === undefined ? undefined : setTimeout(() => this.#halt({ reason: 'deadline' }), deadlineMs);
    const ticking = setInterval(() => this.#reportProgress(), PROGRESS_EVERY_MS);
    this.#startWorkers();
    while (this.#workers.size > 0) await Promise.all(this.#workers);
    clearInterval(ticking);
    clearTimeout(timer);
    for (const stopOne of stopListening) stopOne?.();
    this.#tally.addUnsent(this.chunks.takeRest());
    this.#reportProgress();
    const report = this.#report();
    this.host.emit(outcomeEvent(this.#info, report));
    return report;
  }

  #listen(signal: AbortSignal, stop: FanOutStop): () => void {
    return onAbort(signal, () => this.#halt(stop));
  }

  /** Starts as many workers as requests may be in flight. */
  #startWorkers(): void {
    while (this.#workers.size < this.#concurrency && !this.chunks.isAtEnd) {
      const worker = this.#work().finally(() => this.#workers.delete(worker));
      this.#workers.add(worker);
    }
  }

  get #concurrency(): number {
    return this.plan.concurrency ?? this.host.concurrency;
  }

  async #work(): Promise<void> {
    do {
      const chunk = await this.#nextChunk();
      if (chunk === undefined) return;
      await this.#deliver(chunk);
      // The number may change with the measured round trip.
      this.#startWorkers();
    } while (this.#workers.size <= this.#concurrency);
  }

  async #nextChunk(): Promise<Chunk<Item> | undefined> {
    try {
      return await this.chunks.next();
    } catch (error) {
      this.#halt({ reason: 'source', error });
      return undefined;
    }
  }

  async #deliver(chunk: Chunk<Item>): Promise<void> {
    const about = { stop: this.#stopping, fanOut: this.#info, beforeSend: undefined };
    const { recipients } = chunk;
    const [first] = recipients;
    const { positionOf } = this.sender;
    const index = first !== undefined && positionOf ? positionOf(first) : chunk.index;
    for await (const { outcome, stop } of this.sender.sendChunk({ index, recipients }, this.#tally, about)) {
      if (stop !== undefined) this.#halt(stop);
      const { onChunk } = this.plan;
      if (onChunk === undefined) continue;
      try {
        // In an async function, since it may throw synchronously.
        await waitFor((async () => onChunk(outcome))(), Infinity, this.#stopping);
      } catch (error) {
        // After a stop, a callback that hangs is not waited for.
        if (!(error instanceof Interrupted)) this.#halt({ reason: 'callback', error });
      }
    }
  }

  #reportProgress(): void {
    const { onProgress, total } = this.plan;
    if (onProgress === undefined) return;
    const counts = this.#counts();
    const done = this.#tally.done + counts.duplicates + counts.invalid + (counts.absent ?? 0);
    const { requests, throttled } = this.#tally;
    const progress: FanOutProgress = {
      id: this.#info.id,
      counts,
      done,
      ...(total !== undefined && { total }),
      elapsedMs: this.#elapsedMs(),
      ...this.#meter.measure(done, total),
      requests,
      throttled,
    };
    // The callback may be async too.
    (async () => onProgress(progress))().catch((error: unknown) => this.#halt({ reason: 'callback', error }));
  }

  /** Stops the fan-out. Only the first reason counts. */
  #halt(stop: FanOutStop): void {
    if (this.#stop !== undefined) return;
    this.#stop = stop;
    this.chunks.stop();
    this.#stopping.cancel();
  }

  #counts() {
    const { input, duplicates, invalidCount: invalid, absent } = this.chunks;
    return this.#tally.counts({ input, duplicates, invalid, ...(absent !== undefined && { absent }) });
  }

  #elapsedMs(): number {
    return Math.round(performance.now() - this.#started);
  }

  #report(): FanOutReport {
    const counts = this.#counts();
    const { chunks, requests, throttled, unaccepted } = this.#tally;
    return {
      id: this.#info.id,
      // A stop after the last recipient has left nobody out.
      status: this.chunks.isComplete && counts.notAttempted === 0 ? statusOf(counts) : 'aborted',
      counts,
      ...(this.#stop !== undefined && { stop: this.#stop }),
      chunks,
      invalid: [...this.chunks.invalid],
      ...(unaccepted !== undefined && {
        [this.sender.positionOf === undefined ? 'unaccepted' : 'positions']: unaccepted,
      }),
      elapsedMs: this.#elapsedMs(),
      requests,
      throttled,
    };
  }
}

export function statusOf({
  input,
  duplicates,
  absent = 0,
  accepted,
  unknown,
}: FanOutReport['counts']): FanOutReport['status'] {
  if (accepted + duplicates + absent === input) return 'accepted';
  return accepted + unknown === 0 ? 'rejected' : 'partial';
}
