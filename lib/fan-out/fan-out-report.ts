import type { FanOutCounts } from '../diagnostics/fan-out-counts.js';
import type { RtcFanOutOutcomeEvent } from '../diagnostics/rtc-event.js';
import type { FailureOutcome, Outcome } from '../errors/attempt.js';
import type { RtcMessagingError } from '../errors/rtc-messaging.error.js';

/** Outcome of one request's recipients: a chunk, or a part of a chunk that was split. */
export interface ChunkOutcome {
  /** Index of the chunk in the order of reading, from 0. Parts of a split chunk have its index. */
  readonly index: number;
  /** Outcome of the message for all of these recipients. */
  readonly outcome: Outcome | FailureOutcome;
  /** Number of recipients. */
  readonly recipients: number;
  /** The vendor's ID of the last request that was answered. */
  readonly requestId?: string;
  /** HTTP attempts that were made. */
  readonly attempts: number;
  /** True when more than one attempt may have been accepted (only with `onUnknown: 'resend'`). */
  readonly possibleDuplicate: boolean;
  /** Of a message with `receipt` or `once`. */
  readonly messageId?: string;
  /** Why it was not accepted. */
  readonly error?: RtcMessagingError;
}

/** An item of the source that is no user ID. For `sendEach`: an item that is no valid request. */
export interface InvalidRecipient {
  /** Position in the source, from 0. */
  readonly position: number;
  /** The rule and the value's problem. */
  readonly message: string;
}

/**
 * What stopped a fan-out. If it came after the last recipient, nobody was left out, and the status is not `aborted`.
 */
export interface FanOutStop {
  /**
   * - `aborted`: the caller's signal was aborted
   * - `deadline`: `deadlineMs` passed
   * - `source`: reading recipients failed
   * - `refused`: the service refused something that all chunks share (the app, the room, the access key, …)
   * - `unreachable`: the service could not be reached for a chunk's whole time
   * - `quota`: the shared quota is unavailable and the module refuses without it, the service refused everything for
   *   the quota for a chunk's whole time, or too many receipts are awaited
   * - `shutdown`: the app closes
   * - `callback`: `onChunk` or `onProgress` threw
   */
  readonly reason: NonNullable<RtcFanOutOutcomeEvent['stop']>;
  /** The thrown error, if any: of this library, the source or the callback. */
  readonly error?: unknown;
}

/** Recipients that were not accepted. */
export interface Unaccepted<Name> {
  /** The service refused the message for them. */
  readonly rejected: readonly Name[];
  /** It may have been accepted for them. */
  readonly unknown: readonly Name[];
  /** Nothing was sent to them. */
  readonly notAttempted: readonly Name[];
  /** Whether some are missing from these lists. */
  readonly truncated: boolean;
}

/** What is known of a fan-out at any time. */
export interface FanOutFigures {
  /** ID of the fan-out, a UUID. */
  readonly id: string;
  /** Number of recipients by outcome so far. */
  readonly counts: FanOutCounts;
  /** Elapsed time in milliseconds. */
  readonly elapsedMs: number;
  /** HTTP attempts that were made. */
  readonly requests: number;
  /** Of these, how many the service refused because the quota was used up. */
  readonly throttled: number;
}

/** Result of a fan-out. */
export interface FanOutReport extends FanOutFigures {
  /** With `receipt` or `once`. Of `sendEach`, each of the chunks has its own. */
  readonly messageId?: string;
  /**
   * - `accepted`: all recipients were accepted
   * - `partial`: some recipients were not accepted
   * - `rejected`: no recipient was accepted, and no outcome is unknown
   * - `aborted`: the fan-out ended before its source did, or before all recipients were sent to. See `stop`.
   */
  readonly status: RtcFanOutOutcomeEvent['status'];
  /** What stopped the fan-out. Absent if nothing did. */
  readonly stop?: FanOutStop;
  /**
   * Chunks that need attention (or all chunks, with `keepChunks`), in the order of their completion. At most 10,000.
   */
  readonly chunks: readonly ChunkOutcome[];
  /** The first 1,000 invalid items. */
  readonly invalid: readonly InvalidRecipient[];
  /**
   * Recipients that were not accepted, by outcome. At most 100,000, see `truncated`. Absent without `keepRecipients`.
   */
  readonly unaccepted?: Unaccepted<string>;
  /** For `sendEach`, instead of `unaccepted`: positions in the source, from 0. */
  readonly positions?: Unaccepted<number>;
  /**
   * Result of `skipAbsent`. `used`: the list of users in the room was used. Otherwise all recipients were sent to, since
   * the list was `incomplete`, did not arrive within a second, waits for the limit included (`timed_out`), or could not
   * be read (`failed`).
   */
  readonly presence?: 'used' | 'incomplete' | 'timed_out' | 'failed';
  /** Why it `timed_out` or `failed`. */
  readonly presenceError?: unknown;
}

/** Progress of a fan-out. */
export interface FanOutProgress extends FanOutFigures {
  /** Number of recipients that are finished. */
  readonly done: number;
  /** The `total` option. */
  readonly total?: number;
  /** Recipients a second, over the last few seconds. */
  readonly rate: number;
  /** Estimated remaining time in milliseconds, if the total is known. */
  readonly etaMs?: number;
}
