import { randomUUID } from 'node:crypto';
import type { RtcFanOutInfo } from '../diagnostics/rtc-event.js';
import { Cancellation, onAbort } from '../waiting/cancellation.js';
import { Interrupted, waitFor } from '../waiting/time-box.js';
import type { ChunkSender, FanOutHost } from './chunk-sender.js';
import type { FanOutFigures, FanOutProgress, FanOutReport, FanOutStop } from './fan-out-report.js';
import type { CheckedFanOutOptions } from './fan-out-request.js';
import { FanOutTally, outcomeEvent, statusOf } from './fan-out-tally.js';
import { ProgressMeter } from './progress-meter.js';
import type { Chunk, RecipientChunks } from './recipient-chunks.js';

/** Interval of progress reports, in milliseconds. */
const PROGRESS_EVERY_MS = 250;

/** The options of a run. */
export type FanOutPlan = Partial<CheckedFanOutOptions> &
  Pick<CheckedFanOutOptions, 'keepChunks' | 'keepRecipients'>;

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
      signal && onAbort(signal, () => this.#halt({ reason: 'aborted' })),
      onAbort(this.host.closing, () => this.#halt({ reason: 'shutdown' })),
    ];
    this.host.emit({ type: 'fan_out_begin', fanOut: this.#info });
    const timer = deadlineMs && setTimeout(() => this.#halt({ reason: 'deadline' }), deadlineMs);
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
      const chunk = await this.#orHalt('source', () => this.chunks.next());
      if (chunk === undefined) return;
      await this.#deliver(chunk);
      // The number may change with the measured round trip.
      this.#startWorkers();
    } while (this.#workers.size <= this.#concurrency);
  }

  async #deliver({ index: nth, recipients }: Chunk<Item>): Promise<void> {
    const [first] = recipients;
    const { positionOf } = this.sender;
    const index = first !== undefined && positionOf ? positionOf(first) : nth;
    const about = { stop: this.#stopping, fanOut: this.#info, beforeSend: undefined };
    const { onChunk } = this.plan;
    for await (const { outcome, stop } of this.sender.sendChunk({ index, recipients }, this.#tally, about)) {
      if (stop !== undefined) this.#halt(stop);
      if (onChunk === undefined) continue;
      // After a stop, a callback that hangs is not waited for.
      const called = (async () => onChunk(outcome))();
      await this.#orHalt('callback', () => waitFor(called, Infinity, this.#stopping));
    }
  }

  /** Waits for code of the caller. What it throws stops the fan-out. */
  async #orHalt<T>(reason: 'source' | 'callback', work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Interrupted)) this.#halt({ reason, error });
      return undefined;
    }
  }

  #reportProgress(): void {
    const { onProgress, total } = this.plan;
    if (onProgress === undefined) return;
    const { counts, ...progress } = this.#progress();
    const { input: _input, ...ends } = counts;
    const done = Object.values(ends).reduce((sum, count) => sum + count, 0);
    const told: FanOutProgress = {
      ...progress,
      counts,
      done,
      ...(total !== undefined && { total }),
      ...this.#meter.measure(done, total),
    };
    // The callback may be async too.
    void this.#orHalt('callback', async () => onProgress(told));
  }

  /** Stops the fan-out. Only the first reason counts. */
  #halt(stop: FanOutStop): void {
    if (this.#stop !== undefined) return;
    this.#stop = stop;
    this.chunks.stop();
    this.#stopping.cancel();
  }

  /** What progress and report have in common. */
  #progress(): FanOutFigures {
    const { input, duplicates, invalidCount: invalid, absent } = this.chunks;
    const { sums, requests, throttled } = this.#tally;
    const left = absent === undefined ? {} : { absent };
    return {
      id: this.#info.id,
      counts: { input, duplicates, invalid, ...left, ...sums },
      elapsedMs: Math.round(performance.now() - this.#started),
      requests,
      throttled,
    };
  }

  #report(): FanOutReport {
    const progress = this.#progress();
    const { counts } = progress;
    const { chunks, unaccepted } = this.#tally;
    const { isComplete, invalid } = this.chunks;
    return {
      ...progress,
      // A stop after the last recipient has left nobody out.
      status: isComplete && counts.notAttempted === 0 ? statusOf(counts) : 'aborted',
      ...(this.#stop !== undefined && { stop: this.#stop }),
      chunks,
      invalid: [...invalid],
      ...(unaccepted !== undefined && {
        [this.sender.positionOf === undefined ? 'unaccepted' : 'positions']: unaccepted,
      }),
    };
  }
}
