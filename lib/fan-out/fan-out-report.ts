import type { FailureOutcome, Outcome } from '../errors/attempt.js';
import type { RtcMessagingError } from '../errors/rtc-messaging.error.js';

/**
 * What became of everyone who was read from the source: the numbers beside `input` add up to it, at any time
 * once the fan-out has ended.
 */
export interface FanOutCounts {
  /** Read from the source. */
  readonly input: number;
  /** Left out because they had been named before. */
  readonly duplicates: number;
  /** Left out because they are no user IDs. */
  readonly invalid: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly unknown: number;
  readonly notAttempted: number;
}

/** What became of one request's recipients, or of those whom a refused one was split into. */
export interface ChunkOutcome {
  /** In the order of reading, from 0. The parts of a chunk that was split have its index. */
  readonly index: number;
  readonly outcome: Outcome | FailureOutcome;
  /** How many users it is about. */
  readonly recipients: number;
  readonly requestId?: string;
  readonly attempts: number;
  readonly possibleDuplicate: boolean;
  /** Why it was not accepted. */
  readonly error?: RtcMessagingError;
}

/** Something in the source that is no user ID. */
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
   * - `shutdown`: the app closes
   * - `callback`: `onChunk` or `onProgress` threw
   */
  readonly reason: 'aborted' | 'deadline' | 'source' | 'refused' | 'unreachable' | 'shutdown' | 'callback';
  /** What was thrown, where something was: by this library, the source or the callback. */
  readonly error?: unknown;
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
  readonly status: 'accepted' | 'partial' | 'rejected' | 'aborted';
  readonly counts: FanOutCounts;
  readonly stop?: FanOutStop;
  /** Those that need attention (or all, with `keepChunks`), in the order of their ends; at most 10,000. */
  readonly chunks: readonly ChunkOutcome[];
  /** The first 1,000 of what is no user ID. */
  readonly invalid: readonly InvalidRecipient[];
  /** Who was not accepted, and how; at most 100,000, of which `truncated` tells. Absent without `keepRecipients`. */
  readonly unaccepted?: {
    readonly rejected: readonly string[];
    readonly unknown: readonly string[];
    readonly notAttempted: readonly string[];
    readonly truncated: boolean;
  };
  readonly elapsedMs: number;
  /** HTTP attempts that were made. */
  readonly requests: number;
  /** Of these, how many the service refused because the quota was used up. */
  readonly throttled: number;
}

/** How far a fan-out is. */
export interface FanOutProgress {
  readonly id: string;
  readonly counts: FanOutCounts;
  /** Recipients who need nothing more. */
  readonly done: number;
  /** As the caller gave it. */
  readonly total?: number;
  readonly elapsedMs: number;
  /** Recipients a second, over the last few seconds. */
  readonly rate: number;
  /** How long it will take yet, in milliseconds, if the total is known. */
  readonly etaMs?: number;
  readonly requests: number;
  readonly throttled: number;
}
