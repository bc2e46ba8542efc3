import { randomUUID } from 'node:crypto';
import type { Observe, RtcFanOutInfo } from '../diagnostics/rtc-event.js';
import { RtcAbortedError } from '../errors/rtc-aborted.error.js';
import { RtcMessagingError } from '../errors/rtc-messaging.error.js';
import type { AbortListeners } from '../retry/abort-listeners.js';
import type { AcceptedCall } from '../retry/sender.js';
import { remedyFor } from './chunk-remedy.js';
import type { ChunkOutcome, FanOutProgress, FanOutReport, FanOutStop } from './fan-out-report.js';
import type { FanOutOptions } from './fan-out-request.js';
import { FanOutTally } from './fan-out-tally.js';
import { ProgressMeter } from './progress-meter.js';
import type { Chunk, RecipientChunks } from './recipient-chunks.js';

/** How often it is told how far a fan-out is. */
const PROGRESS_EVERY_MS = 250;

/** Sends to some users; `stop` ends its waits, but not a request that is under way. */
export type SendChunk = (
  recipients: readonly string[],
  signals: { readonly stop: AbortSignal; readonly fanOut: RtcFanOutInfo },
) => Promise<AcceptedCall>;

/** What a run goes by of whoever sends for it. */
export interface FanOutHost {
  /** The module's name. */
  readonly module: string;
  /** Aborted when the app shuts down. */
  readonly closing: AbortSignal;
  readonly observe: Observe;
}

/** The options that a run goes by, with their defaults. */
export type FanOutPlan = Required<Pick<FanOutOptions, 'concurrency' | 'keepChunks' | 'keepRecipients'>> &
  Pick<FanOutOptions, 'signal' | 'deadlineMs' | 'total' | 'onChunk' | 'onProgress'>;

/** One fan-out: several workers that each read a chunk and send it, until there are none or something stops it. */
export class FanOutRun {
  readonly #info: RtcFanOutInfo;
  readonly #started = performance.now();
  readonly #tally: FanOutTally;
  readonly #meter = new ProgressMeter();
  readonly #stopping = new AbortController();
  #stop: FanOutStop | undefined;
  /** Those who wait for the source or a callback. */
  readonly #waiting = new Set<() => void>();

  constructor(
    private readonly chunks: RecipientChunks,
    private readonly send: SendChunk,
    private readonly plan: FanOutPlan,
    private readonly listeners: AbortListeners,
    private readonly host: FanOutHost,
  ) {
    this.#info = { module: host.module, id: randomUUID(), startedAt: new Date().toISOString() };
    this.#tally = new FanOutTally(plan.keepChunks, plan.keepRecipients);
  }

  /**
   * Reads and sends until there is nothing left to do. Rejects with an RtcValidationError before it has begun, if the
   * signal can't be listened to, and never else.
   */
  async run(): Promise<FanOutReport> {
    const { signal, deadlineMs, concurrency } = this.plan;
    const stopListening = [
      signal && this.#listen(signal, { reason: 'aborted' }),
      this.#listen(this.host.closing, { reason: 'shutdown' }),
    ];
    this.host.observe({ type: 'fan_out_begin', fanOut: this.#info });
    const timer =
      deadlineMs === undefined ? undefined : setTimeout(() => this.#halt({ reason: 'deadline' }), deadlineMs);
    const ticking = setInterval(() => this.#tellProgress(), PROGRESS_EVERY_MS);
    await Promise.all(Array.from({ length: concurrency }, () => this.#work()));
    clearInterval(ticking);
    clearTimeout(timer);
    for (const stopOne of stopListening) stopOne?.();
    this.#tally.addUnsent(this.chunks.takeRest());
    this.#tellProgress();
    const report = this.#report();
    this.#tellOutcome(report);
    return report;
  }

  #listen(signal: AbortSignal, stop: FanOutStop): () => void {
    return this.listeners.add(signal, () => this.#halt(stop));
  }

  async #work(): Promise<void> {
    for (;;) {
      let chunk: Chunk | undefined;
      try {
        chunk = await this.#untilStopped(() => this.chunks.next());
      } catch (error) {
        this.#halt({ reason: 'source', error });
        return;
      }
      if (chunk === undefined) return;
      await this.#deliver(chunk);
    }
  }

  /**
   * What the work comes to, or undefined soon after the stop: a source or a callback may hang. Not a race against
   * one promise of the run's, which would keep every chunk in memory until the end.
   */
  #untilStopped<T>(work: () => Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const wake = (): void => resolve(undefined);
      this.#waiting.add(wake);
      if (this.#stop !== undefined) this.#wakeSoon();
      const done = work().finally(() => this.#waiting.delete(wake));
      done.then(resolve, reject);
    });
  }

  /** Not before those have their chunk whose reading was complete: it must be counted. */
  #wakeSoon(): void {
    setImmediate(() => {
      for (const wake of this.#waiting) wake();
    });
  }

  /** Sends a chunk, or the parts that it has to be split into, one after another. */
  async #deliver(chunk: Chunk): Promise<void> {
    // The last part is at the end: a stack, so that memory is bounded by the depth.
    const parts: (readonly string[])[] = [chunk.recipients];
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      if (this.#stop !== undefined) {
        this.#tally.addUnsent(part);
        continue;
      }
      const outcome = await this.#sendPart(chunk.index, part);
      if (outcome === undefined) {
        const middle = Math.ceil(part.length / 2);
        parts.push(part.slice(middle), part.slice(0, middle));
      } else {
        await this.#tell(outcome, part);
      }
    }
  }

  /** @returns undefined when it must be split */
  async #sendPart(index: number, recipients: readonly string[]): Promise<ChunkOutcome | undefined> {
    const about = { index, recipients: recipients.length };
    try {
      const { requestId, attempts, possibleDuplicate } = await this.send(recipients, {
        stop: this.#stopping.signal,
        fanOut: this.#info,
      });
      this.#countAttempts(attempts);
      return { ...about, outcome: 'accepted', requestId, attempts: attempts.length, possibleDuplicate };
    } catch (error) {
      // Nothing else is thrown by a sender; if it is, it is a bug, and the run's counts must still add up.
      if (!(error instanceof RtcMessagingError)) {
        this.#halt({ reason: 'refused', error });
        return { ...about, outcome: 'unknown', attempts: 0, possibleDuplicate: false };
      }
      this.#countAttempts(error.attempts);
      const remedy = remedyFor(error, recipients.length);
      if (remedy === 'split') return undefined;
      if (remedy === 'shrink') {
        this.chunks.chunkSize = Math.min(this.chunks.chunkSize, Math.ceil(recipients.length / 2));
        return undefined;
      }
      if (remedy === 'stop_refused') this.#halt({ reason: 'refused', error });
      if (remedy === 'stop_unreachable') this.#halt({ reason: 'unreachable', error });
      if (remedy === 'stop_quota') this.#halt({ reason: 'quota', error });
      // The run's own stop has its reason already.
      if (error instanceof RtcAbortedError) this.#halt({ reason: 'shutdown', error });
      const { outcome, requestId, attempts, possibleDuplicate } = error;
      return {
        ...about,
        outcome,
        ...(requestId !== undefined && { requestId }),
        attempts: attempts.length,
        possibleDuplicate,
        error,
      };
    }
  }

  #countAttempts(attempts: AcceptedCall['attempts']): void {
    this.#tally.requests += attempts.length;
    this.#tally.throttled += attempts.filter(({ throttled }) => throttled).length;
  }

  async #tell(outcome: ChunkOutcome, recipients: readonly string[]): Promise<void> {
    this.#tally.add(outcome, recipients);
    try {
      await this.#untilStopped(async () => this.plan.onChunk?.(outcome));
    } catch (error) {
      this.#halt({ reason: 'callback', error });
    }
  }

  #tellProgress(): void {
    const { onProgress, total } = this.plan;
    if (onProgress === undefined) return;
    const counts = this.#counts();
    const done = this.#tally.done + counts.duplicates + counts.invalid;
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
    // It may be asynchronous all the same.
    (async () => onProgress(progress))().catch((error: unknown) => this.#halt({ reason: 'callback', error }));
  }

  #tellOutcome({ status, counts, stop, requests, throttled, elapsedMs }: FanOutReport): void {
    this.host.observe({
      type: 'fan_out_outcome',
      fanOut: this.#info,
      status,
      counts,
      ...(stop !== undefined && { stop: stop.reason }),
      requests,
      throttled,
      durationMs: elapsedMs,
    });
  }

  /** The first reason is the one that counts. */
  #halt(stop: FanOutStop): void {
    if (this.#stop !== undefined) return;
    this.#stop = stop;
    this.chunks.stop();
    this.#stopping.abort();
    this.#wakeSoon();
  }

  #counts() {
    const { input, duplicates, invalidCount } = this.chunks;
    return this.#tally.counts({ input, duplicates, invalid: invalidCount });
  }

  #elapsedMs(): number {
    return Math.round(performance.now() - this.#started);
  }

  #report(): FanOutReport {
    const counts = this.#counts();
    const { chunks, requests, throttled, unaccepted } = this.#tally;
    return {
      id: this.#info.id,
      // A stop that came when everything was done has left no one out.
      status: this.chunks.isComplete && counts.notAttempted === 0 ? statusOf(counts) : 'aborted',
      counts,
      ...(this.#stop !== undefined && { stop: this.#stop }),
      chunks,
      invalid: [...this.chunks.invalid],
      ...(unaccepted !== undefined && { unaccepted }),
      elapsedMs: this.#elapsedMs(),
      requests,
      throttled,
    };
  }
}

export function statusOf({
  input,
  duplicates,
  accepted,
  unknown,
}: FanOutReport['counts']): FanOutReport['status'] {
  if (accepted + duplicates === input) return 'accepted';
  return accepted + unknown === 0 ? 'rejected' : 'partial';
}
