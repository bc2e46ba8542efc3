import { randomUUID } from 'node:crypto';
import type { Observe, RtcFanOutInfo } from '../diagnostics/rtc-event.js';
import { RtcAbortedError } from '../errors/rtc-aborted.error.js';
import { RtcMessagingError } from '../errors/rtc-messaging.error.js';
import { RtcQuotaError } from '../errors/rtc-quota.error.js';
import type { AcceptedCall } from '../retry/sender.js';
import { onAbort } from '../waiting/cancellation.js';
import { Interrupted, waitFor } from '../waiting/time-box.js';
import { decideRetry } from './chunk-retry-decision.js';
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
  /** How many recipients a request should have at most: Infinity unless the service was found to refuse so many. */
  readonly chunkSize: number;
  /** How many requests to have in flight, by what the round trip is. */
  readonly concurrency: number;
}

/** Some recipients that one request is for: a chunk, or what it had to be cut into. */
interface Part {
  readonly recipients: readonly string[];
  /** Attempts that were refused. */
  readonly attempts: number;
  /** When the service first refused it because the quota was used up. */
  readonly throttledAt?: number;
}

/** The options that a run goes by, with their defaults. */
export type FanOutPlan = Required<Pick<FanOutOptions, 'chunkDeadlineMs' | 'keepChunks' | 'keepRecipients'>> &
  Pick<FanOutOptions, 'signal' | 'deadlineMs' | 'concurrency' | 'total' | 'onChunk' | 'onProgress'>;

/** One fan-out: several workers that each read a chunk and send it, until there are none or something stops it. */
export class FanOutRun {
  readonly #info: RtcFanOutInfo;
  readonly #started = performance.now();
  readonly #tally: FanOutTally;
  readonly #meter = new ProgressMeter();
  readonly #stopping = new AbortController();
  #stop: FanOutStop | undefined;
  readonly #workers = new Set<Promise<void>>();
  #acceptedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly chunks: RecipientChunks,
    private readonly send: SendChunk,
    private readonly plan: FanOutPlan,
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
    const { signal, deadlineMs } = this.plan;
    const stopListening = [
      signal && this.#listen(signal, { reason: 'aborted' }),
      this.#listen(this.host.closing, { reason: 'shutdown' }),
    ];
    this.host.observe({ type: 'fan_out_begin', fanOut: this.#info });
    const timer =
      deadlineMs === undefined ? undefined : setTimeout(() => this.#halt({ reason: 'deadline' }), deadlineMs);
    const ticking = setInterval(() => this.#tellProgress(), PROGRESS_EVERY_MS);
    this.#hire();
    while (this.#workers.size > 0) await Promise.all(this.#workers);
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
    return onAbort(signal, () => this.#halt(stop));
  }

  /** As many workers as there are to be requests in flight. */
  #hire(): void {
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
      // More or fewer, as the round trip becomes known.
      this.#hire();
    } while (this.#workers.size <= this.#concurrency);
  }

  async #nextChunk(): Promise<Chunk | undefined> {
    try {
      return await this.#untilStopped(this.chunks.next());
    } catch (error) {
      this.#halt({ reason: 'source', error });
      return undefined;
    }
  }

  /** What the work comes to, or undefined soon after the stop: a source or a callback may hang. */
  async #untilStopped<T>(work: Promise<T>): Promise<T | undefined> {
    try {
      return await waitFor(work, Infinity, undefined, this.#stopping.signal);
    } catch (error) {
      if (error instanceof Interrupted) return undefined;
      throw error;
    }
  }

  /** Sends a chunk, or the parts that it has to be cut into, one after another. */
  async #deliver(chunk: Chunk): Promise<void> {
    // The next part is at the end: a stack, so that memory is bounded by the depth.
    const parts: Part[] = [{ recipients: chunk.recipients, attempts: 0 }];
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      if (this.#stop !== undefined) {
        this.#tally.addUnsent(part.recipients);
        continue;
      }
      const result = await this.#sendPart(chunk.index, part);
      if (Array.isArray(result)) parts.push(...result.reverse());
      else await this.#tell(result, part.recipients);
    }
  }

  /** @returns what became of it, or the parts that are to be sent in its place */
  async #sendPart(index: number, part: Part): Promise<ChunkOutcome | Part[]> {
    const { recipients } = part;
    const about = { index, recipients: recipients.length };
    if (recipients.length > this.host.chunkSize) return cut(part, this.host.chunkSize);
    try {
      const { requestId, attempts, possibleDuplicate } = await this.send(recipients, {
        stop: this.#stopping.signal,
        fanOut: this.#info,
      });
      this.#countAttempts(attempts);
      this.#acceptedAt = performance.now();
      const made = part.attempts + attempts.length;
      return { ...about, outcome: 'accepted', requestId, attempts: made, possibleDuplicate };
    } catch (error) {
      // Nothing else is thrown by a sender; if it is, it is a bug, and the run's counts must still add up.
      if (!(error instanceof RtcMessagingError)) {
        this.#halt({ reason: 'refused', error });
        return { ...about, outcome: 'unknown', attempts: part.attempts, possibleDuplicate: false };
      }
      this.#countAttempts(error.attempts);
      const refused: Part = { ...part, attempts: part.attempts + error.attempts.length };
      const decision = decideRetry(error, recipients.length);
      if (decision === 'split') return cut(part, Math.ceil(recipients.length / 2));
      if (decision === 'shrink') {
        this.chunks.chunkSize = Math.min(this.chunks.chunkSize, Math.ceil(recipients.length / 2));
        return cut(part, Math.ceil(recipients.length / 2));
      }
      if (decision === 'again') {
        const now = performance.now();
        const throttledAt = part.throttledAt ?? now;
        if (error instanceof RtcQuotaError) return cut(refused, this.host.chunkSize);
        if (now - throttledAt < this.plan.chunkDeadlineMs) {
          return cut({ ...refused, throttledAt }, this.host.chunkSize);
        }
        if (this.#acceptedAt < throttledAt) this.#halt({ reason: 'quota', error });
      }
      if (decision === 'stop_refused') this.#halt({ reason: 'refused', error });
      if (decision === 'stop_unreachable') this.#halt({ reason: 'unreachable', error });
      if (decision === 'stop_quota') this.#halt({ reason: 'quota', error });
      // The run's own stop has its reason already.
      if (error instanceof RtcAbortedError) this.#halt({ reason: 'shutdown', error });
      const { outcome, requestId, possibleDuplicate } = error;
      return {
        ...about,
        outcome,
        ...(requestId !== undefined && { requestId }),
        attempts: refused.attempts,
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
      // In a function, since it may throw at once.
      await this.#untilStopped((async () => this.plan.onChunk?.(outcome))());
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

/** So many recipients, and the rest if there are more: when that is sent, larger requests may be accepted again. */
function cut({ recipients, ...part }: Part, size: number): Part[] {
  const parts = [{ ...part, recipients: recipients.slice(0, size) }];
  if (recipients.length > size) parts.push({ ...part, recipients: recipients.slice(size) });
  return parts;
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
