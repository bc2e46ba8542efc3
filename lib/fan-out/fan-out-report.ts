import type { FanOutCounts } from '../diagnostics/fan-out-counts.js';
import type { RtcFanOutOutcomeEvent } from '../diagnostics/rtc-event.js';
import type { FailureOutcome, Outcome } from '../errors/attempt.js';
import type { RtcMessagingError } from '../errors/rtc-messaging.error.js';

/** What became of one request's recipients, or of those whom a refused one was split into. */
export interface ChunkOutcome {
  /** In the order of reading, from 0. The parts of a chunk that was split have its index. */
  readonly index: number;
  /** What became of the message for all of them. */
  readonly outcome: Outcome | FailureOutcome;
  /** How many users it is about. */
  readonly recipients: number;
  /** The vendor's ID of the last request that was answered. */
  readonly requestId?: string;
  /** HTTP attempts that were made. */
  readonly attempts: number;
  /** True when more than one attempt may have been accepted (only with `onUnknown: 'resend'`). */
  readonly possibleDuplicate: boolean;
  /** Why it was not accepted. */
  readonly error?: RtcMessagingError;
}

/** Something in the source that is no user ID; of `sendEach`, no legal request. */
export interface InvalidRecipient {
  /** Its place in the source, from 0. */
  readonly position: number;
  /** The rule, and what is wrong with the value. */
  readonly message: string;
}

/** What stopped a fan-out. It may have come too late to leave anyone out, as the status says. */
export interface FanOutStop {
  /**
   * - `aborted`: the caller's signal
   * - `deadline`: `deadlineMs` passed
   * - `source`: reading recipients failed
   * - `refused`: the service refused what it would refuse for every chunk (the app, the room, the access key, …)
   * - `unreachable`: the service could not be reached during the whole of a chunk's time
   * - `quota`: the shared quota is unavailable, and the module is to refuse then; or the service refused everything
   *   during the whole of a chunk's time because the quota was used up
   * - `shutdown`: the app closes
   * - `callback`: `onChunk` or `onProgress` threw
   */
  readonly reason: NonNullable<RtcFanOutOutcomeEvent['stop']>;
  /** What was thrown, where something was: by this library, the source or the callback. */
  readonly error?: unknown;
}

/** Those who were not accepted. */
export interface Unaccepted<Name> {
  /** The service said no. */
  readonly rejected: readonly Name[];
  /** It may have been accepted for them. */
  readonly unknown: readonly Name[];
  /** Nothing was sent to them. */
  readonly notAttempted: readonly Name[];
  /** Whether there were more than are listed. */
  readonly truncated: boolean;
}

/** What became of a fan-out. */
export interface FanOutReport {
  /** Of this fan-out: a UUID. */
  readonly id: string;
  /**
   * - `accepted`: everyone was accepted
   * - `partial`: not everyone
   * - `rejected`: no one was accepted, and that of no one is unknown
   * - `aborted`: it ended before its source did, or before everyone who was read could be sent to; see `stop`
   */
  readonly status: RtcFanOutOutcomeEvent['status'];
  /** How many came to each end. */
  readonly counts: FanOutCounts;
  /** What stopped it; absent if nothing did. */
  readonly stop?: FanOutStop;
  /** Those that need attention (or all, with `keepChunks`), in the order of their ends; at most 10,000. */
  readonly chunks: readonly ChunkOutcome[];
  /** The first 1,000 of what is no user ID. */
  readonly invalid: readonly InvalidRecipient[];
  /** Who was not accepted, and how; at most 100,000, of which `truncated` tells. Absent without `keepRecipients`. */
  readonly unaccepted?: Unaccepted<string>;
  /** In place of `unaccepted`, of `sendEach`: places in the source, from 0. */
  readonly positions?: Unaccepted<number>;
  /**
   * What came of `skipAbsent`: whether the list of who is there was `used`. If it was not, everyone was sent to: it was
   * `incomplete`, it was not to be had in a second, waits for the limit included (`timed_out`), or the question `failed`.
   * Absent where the fan-out ended before the answer came, or there was no one to ask for.
   */
  readonly presence?: 'used' | 'incomplete' | 'timed_out' | 'failed';
  /** Why it `timed_out` or `failed`. */
  readonly presenceError?: unknown;
  /** How long it took, in milliseconds. */
  readonly elapsedMs: number;
  /** HTTP attempts that were made. */
  readonly requests: number;
  /** Of these, how many the service refused because the quota was used up. */
  readonly throttled: number;
}

/** How far a fan-out is. */
export interface FanOutProgress {
  /** The report's `id`. */
  readonly id: string;
  /** How many have come to each end so far. */
  readonly counts: FanOutCounts;
  /** Recipients who need nothing more. */
  readonly done: number;
  /** As the caller gave it. */
  readonly total?: number;
  /** How long it has taken so far, in milliseconds. */
  readonly elapsedMs: number;
  /** Recipients a second, over the last few seconds. */
  readonly rate: number;
  /** How long it will take yet, in milliseconds, if the total is known. */
  readonly etaMs?: number;
  /** HTTP attempts that were made so far. */
  readonly requests: number;
  /** Of these, how many the service refused because the quota was used up. */
  readonly throttled: number;
}
