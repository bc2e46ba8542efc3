import type { Attempt, FailureOutcome } from '../errors/attempt.js';
import type { RtcErrorCode } from '../errors/rtc-messaging.error.js';
import type { FanOutCounts } from './fan-out-counts.js';

/** One call of a service's method. All events of a call carry the same object. */
export interface RtcCallInfo {
  /** The module's `name`, or `default`. */
  readonly module: string;
  /** Counts up within one instance of the module. */
  readonly id: number;
  /** The vendor's action. */
  readonly action: string;
  /** HTTP method of an action that is no messaging action. Messaging actions use `POST`. */
  readonly method?: 'GET' | 'POST';
  /** ISO 8601, by this machine's clock. */
  readonly startedAt: string;
  /** Number of addressed users. Absent for a broadcast, and for actions without a message. */
  readonly recipients?: number;
  /** The fan-out that the call belongs to. */
  readonly fanOut?: RtcFanOutInfo;
}

/** One fan-out. All events of a fan-out and of its calls carry the same object, unless the fan-out is durable. */
export interface RtcFanOutInfo {
  /** The module's `name`, or `default`. */
  readonly module: string;
  /** The report's `id`: a UUID, or the ID that a durable fan-out was given. */
  readonly id: string;
  /** ISO 8601, by this machine's clock. Of a durable fan-out: by Redis's clock. */
  readonly startedAt: string;
  /**
   * True if the workers of a queue send it. Then any worker may emit its beginning, its end and its calls. Each is
   * emitted once, and the events of different processes may arrive in any order.
   */
  readonly durable?: true;
}

/** @inline */
interface OfModule<Type extends string> {
  /** Tells the events apart. */
  readonly type: Type;
  /** The module's `name`, or `default`. */
  readonly module: string;
}

/** @inline */
interface OfCall<Type extends string> {
  /** Tells the events apart. */
  readonly type: Type;
  /** The call that it belongs to. */
  readonly call: RtcCallInfo;
}

/** @inline */
interface OfFanOut<Type extends string> {
  /** Tells the events apart. */
  readonly type: Type;
  /** The fan-out that it is about. */
  readonly fanOut: RtcFanOutInfo;
}

/** Why a request is sent again. */
export type RtcRetryReason =
  'not_attempted' | 'rejected' | 'throttled' | 'clock_corrected' | 'credentials_refreshed' | 'resend';

/**
 * A call begins. It is emitted in the caller's asynchronous context, before anything else happens, so listeners can
 * read the caller's `AsyncLocalStorage`. An `outcome` always follows.
 */
export interface RtcBeginEvent extends OfCall<'begin'> {}

/** An HTTP attempt has ended. */
export interface RtcAttemptEvent extends OfCall<'attempt'> {
  /** Counts from 1. */
  readonly number: number;
  /** What became of it. */
  readonly attempt: Attempt;
}

/**
 * A call waits before its next attempt. A wait for the quota is emitted when it is over, all other waits when they
 * begin.
 */
export interface RtcWaitEvent extends OfCall<'wait'> {
  /**
   * `backoff`: the pause between attempts. `throttled`: the pause after the service refused for the quota.
   * `retry_after`: the pause that the service asked for. `quota`: the wait for a permit.
   */
  readonly reason: 'backoff' | 'throttled' | 'retry_after' | 'quota';
  /** Milliseconds. */
  readonly delayMs: number;
}

/** A call is about to send again. */
export interface RtcRetryEvent extends OfCall<'retry'> {
  /** Why the call sends again. */
  readonly reason: RtcRetryReason;
  /** Number of the attempt that begins. */
  readonly number: number;
}

/** A call has ended. */
export interface RtcOutcomeEvent extends OfCall<'outcome'> {
  /** What became of the message. */
  readonly outcome: 'accepted' | FailureOutcome;
  /** Every HTTP attempt, oldest first. */
  readonly attempts: readonly Attempt[];
  /** True when more than one attempt may have been accepted (only with `onUnknown: 'resend'`). */
  readonly possibleDuplicate: boolean;
  /** Milliseconds, waits included. */
  readonly durationMs: number;
  /** Code of the thrown error, if it is one of this library's. */
  readonly code?: RtcErrorCode;
  /** The vendor's code, where the service's answer was the reason. */
  readonly apiCode?: string;
  /** What to do about it, as the error has it. */
  readonly hint?: string;
}

/**
 * A fan-out begins. It is emitted in the caller's asynchronous context. A durable fan-out begins at a worker, with its
 * first chunk.
 */
export interface RtcFanOutBeginEvent extends OfFanOut<'fan_out_begin'> {}

/** A fan-out has ended, after all of its calls. */
export interface RtcFanOutOutcomeEvent extends OfFanOut<'fan_out_outcome'> {
  /** The report's status. */
  readonly status: 'accepted' | 'partial' | 'rejected' | 'aborted';
  /** The report's counts. */
  readonly counts: FanOutCounts;
  /** The reason of the report's `stop`. Absent if nothing stopped the fan-out. */
  readonly stop?:
    'aborted' | 'deadline' | 'source' | 'refused' | 'unreachable' | 'quota' | 'shutdown' | 'callback';
  /** HTTP attempts that were made. */
  readonly requests: number;
  /** Of these, how many the service refused because the quota was used up. */
  readonly throttled: number;
  /** Milliseconds. */
  readonly durationMs: number;
}

/** The clock offset that requests are signed with has changed. */
export interface RtcClockEvent extends OfModule<'clock'> {
  /** How far the service is ahead of this machine, in milliseconds. */
  readonly offsetMs: number;
}

/** The credentials provider answered or failed. */
export interface RtcCredentialsEvent extends OfModule<'credentials'> {
  /** Whether the provider returned valid credentials. */
  readonly status: 'refreshed' | 'refresh_failed';
  /** How the provider failed: the kind of its error or the flaw of its answer. It contains no text of the provider. */
  readonly failure?: string | undefined;
  /** A flaw of the returned credentials, without their values. */
  readonly warning?: string | undefined;
  /** Whether the credentials in hand are still valid. */
  readonly usable: boolean;
}

/** The state of a shared quota has changed. */
export interface RtcQuotaEvent extends OfModule<'quota'> {
  /**
   * `shared`: the quota is shared (also emitted once at the beginning). `fallback`: the store is unavailable, and this
   * process uses its declared share. `refusing`: the store is unavailable, and nothing is sent.
   */
  readonly status: 'shared' | 'fallback' | 'refusing';
  /** Why the quota is not shared, and what to do about it. */
  readonly failure?: string | undefined;
}

/**
 * The service allows less than the configured quota, since other programs use the account or since it counts otherwise
 * (`permitsPerSecond` is set). Or it no longer refuses (`permitsPerSecond` is absent).
 */
export interface RtcThrottlingEvent extends OfModule<'throttling'> {
  /** Estimated permits a second. 0: the service refuses everything. Absent: it allows the whole quota again. */
  readonly permitsPerSecond?: number;
  /** Number of recipients in a request from now on, if the service refuses larger requests. */
  readonly chunkSize?: number;
}

/** The app shuts down. */
export interface RtcShutdownEvent extends OfModule<'shutdown'> {
  /**
   * `started`: the app begins to close, and new calls will soon be refused. `timed_out`: the time limit has passed, and
   * calls in flight are aborted.
   */
  readonly status: 'started' | 'timed_out';
  /** Number of calls in flight. */
  readonly inFlight: number;
}

/** A client has sent a receipt, which counts or is refused. */
export interface RtcReceiptEvent extends OfModule<'receipt'> {
  /** The message's ID, as the client has sent it. */
  readonly messageId: string;
  /** The user of the client, by its signature. */
  readonly userId: string;
  /**
   * `confirmed`: the user's app has received the message. `repeated`: it had been confirmed before, which happens when
   * the answer to the client was lost. `not_awaited`: the message was not sent to this user, or never, or is no longer
   * known.
   */
  readonly status: 'confirmed' | 'repeated' | 'not_awaited';
  /** Milliseconds since the message was about to be sent, of a confirmed one. */
  readonly delayMs?: number;
}

/** The events on `node:diagnostics_channel`, under the names `nestjs-rtc-messaging:{type}`. */
export type RtcEvent =
  | RtcBeginEvent
  | RtcAttemptEvent
  | RtcWaitEvent
  | RtcRetryEvent
  | RtcOutcomeEvent
  | RtcFanOutBeginEvent
  | RtcFanOutOutcomeEvent
  | RtcClockEvent
  | RtcCredentialsEvent
  | RtcQuotaEvent
  | RtcThrottlingEvent
  | RtcShutdownEvent
  | RtcReceiptEvent;
