import type { FailureOutcome } from '../errors/attempt.js';
import type { RtcErrorCode } from '../errors/rtc-messaging.error.js';
import type { ChunkOutcome, FanOutProgress, FanOutReport, FanOutStop } from '../fan-out/fan-out-report.js';
import type { FanOutOptions } from '../fan-out/fan-out-request.js';

/** Options of `enqueue()`. */
export interface EnqueueOptions extends Pick<
  FanOutOptions,
  'total' | 'onUnknown' | 'chunkSize' | 'dedupe' | 'signal'
> {
  /**
   * ID of the fan-out, 1–128 of `a-z A-Z 0-9 @ . _ -`. Enqueuing the same request under the same ID returns the same
   * fan-out, and continues it if it was not enqueued to its end. A different request under this ID fails while the
   * fan-out is kept. To compare, the source is read again to its end, a chunk at a time. `get(id)` finds the fan-out
   * without reading. The other options are those of the first call. Default: a UUID, which the error contains if the
   * enqueuing fails.
   */
  readonly id?: string | undefined;
  /** Stops reading. Recipients that were stored by then are sent to. See {@link EnqueueOptions.id} for continuing. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Unknown outcomes, of an attempt without an answer or of a lost worker: report them, or send again. Default: the
   * workers' `onUnknown`, and `report` for a lost worker.
   */
  readonly onUnknown?: FanOutOptions['onUnknown'] | undefined;
}

/** An error as a worker stored it. */
export interface ErrorRecord {
  /** Name of its class, such as `RtcApiError`. */
  readonly name: string;
  /**
   * - `WORKER_LOST`: the worker ended or was silent for too long before it reported the chunk's outcome
   * - `DATA_LOST`: Redis has lost a part of the fan-out. Recipients without an outcome are `unknown`.
   */
  readonly code: RtcErrorCode | 'WORKER_LOST' | 'DATA_LOST' | 'UNEXPECTED';
  /** What went wrong. It contains nothing of the message. */
  readonly message: string;
  /** Outcome of the chunk's message. */
  readonly outcome: FailureOutcome;
  /** What to do about it. */
  readonly hint?: string;
  /** The vendor's code, of an `RtcApiError`. */
  readonly apiCode?: string;
  /** Of the response, of an `RtcApiError`. */
  readonly httpStatus?: number;
}

/** As {@link ChunkOutcome}, with its error as data. */
export interface DurableChunkOutcome extends Omit<ChunkOutcome, 'error'> {
  /** Why it was not accepted. */
  readonly error?: ErrorRecord;
}

/** As {@link FanOutStop}, with its error as data. */
export interface DurableFanOutStop {
  /**
   * - `aborted`: `cancel()` was called
   * - `refused`: the service refused something that all chunks share, or Redis lost a part of it (`DATA_LOST`)
   * - `source`: the source was not enqueued to its end
   */
  readonly reason: Extract<FanOutStop['reason'], 'aborted' | 'refused' | 'source'>;
  /** Of the chunk that was refused, or of the lost part. */
  readonly error?: ErrorRecord;
}

/** Result of a durable fan-out: the report of `fanOut`, with errors as data. */
export interface DurableFanOutReport extends Omit<FanOutReport, 'chunks' | 'stop'> {
  /** What stopped it before all recipients were sent to. */
  readonly stop?: DurableFanOutStop;
  /** Chunks that need attention, in the order of their completion. At most 10,000. */
  readonly chunks: readonly DurableChunkOutcome[];
}

/** Progress of a durable fan-out. */
export interface DurableFanOutProgress extends FanOutProgress {
  /**
   * - `enqueuing`: its recipients are being stored. Sending has begun.
   * - `running`: all recipients are stored
   * - `stopping`: it was stopped, and requests in flight are finishing
   * - `ended`: the report is final, unless it is resumed
   */
  readonly state: 'enqueuing' | 'running' | 'stopping' | 'ended';
  /** Number of chunks in flight, without those that wait for the quota. */
  readonly inFlight: number;
}

/** A recipient that was not accepted. */
export interface UnacceptedRecipient {
  /** The user's ID. */
  readonly userId: string;
  /** Outcome of the message to this user. */
  readonly outcome: FailureOutcome;
}
