import type { FailureOutcome } from '../errors/attempt.js';
import type { RtcErrorCode } from '../errors/rtc-messaging.error.js';
import type { ChunkOutcome, FanOutProgress, FanOutReport, FanOutStop } from '../fan-out/fan-out-report.js';
import type { FanOutOptions } from '../fan-out/fan-out-request.js';

/** How a fan-out is enqueued. */
export interface EnqueueOptions extends Pick<
  FanOutOptions,
  'total' | 'onUnknown' | 'chunkSize' | 'dedupe' | 'signal'
> {
  /**
   * Names the fan-out, 1–128 of `a-z A-Z 0-9 @ . _ -`: whoever enqueues the same request under the same ID again
   * gets the same fan-out, and goes on with it if it was not enqueued to its end. Another request under it is an
   * error for as long as the fan-out is kept. To tell, the source is read once more, to its end and a chunk at a
   * time; `get(id)` finds the fan-out without reading anything. The other options are those of the first time.
   * Default: a UUID, which the error tells if the enqueuing fails.
   */
  readonly id?: string | undefined;
  /** Stops the reading. What was stored by then is sent; see {@link EnqueueOptions.id} for going on. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether to send again what may have been accepted: by an attempt that ended without an answer, or by a worker
   * that was lost. Default: the workers' `onUnknown`, and `report` for what a lost worker leaves.
   */
  readonly onUnknown?: FanOutOptions['onUnknown'] | undefined;
}

/** An error, as it was stored by a worker. */
export interface ErrorRecord {
  /** Of its class: `RtcApiError`. */
  readonly name: string;
  /** `WORKER_LOST`: the worker ended, or was not heard of, before it could tell what became of the chunk. */
  readonly code: RtcErrorCode | 'WORKER_LOST' | 'UNEXPECTED';
  /** What went wrong, without anything of the message that was to be sent. */
  readonly message: string;
  /** What is known of the chunk's message. */
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
   * - `aborted`: `cancel()`
   * - `refused`: the service refused what it would refuse for every chunk
   * - `source`: it was not enqueued to its end
   */
  readonly reason: Extract<FanOutStop['reason'], 'aborted' | 'refused' | 'source'>;
  /** Of the chunk that was refused. */
  readonly error?: ErrorRecord;
}

/** What became of a durable fan-out: as `fanOut` tells it, with errors as data. */
export interface DurableFanOutReport extends Omit<FanOutReport, 'chunks' | 'stop'> {
  /** What stopped it before everyone was sent to. */
  readonly stop?: DurableFanOutStop;
  /** Those that need attention, in the order of their ends; at most 10,000. */
  readonly chunks: readonly DurableChunkOutcome[];
}

/** How far a durable fan-out is. */
export interface DurableFanOutProgress extends FanOutProgress {
  /**
   * - `enqueuing`: its recipients are being stored; sending has begun
   * - `running`: all are stored
   * - `stopping`: it was stopped, and what is in flight ends
   * - `ended`: the report is final, unless it is resumed
   */
  readonly state: 'enqueuing' | 'running' | 'stopping' | 'ended';
  /** Chunks that are being sent; those that wait for the quota are not. */
  readonly inFlight: number;
}

/** Someone who was not accepted. */
export interface UnacceptedRecipient {
  /** Who. */
  readonly userId: string;
  /** What is known of the message to this user. */
  readonly outcome: FailureOutcome;
}
