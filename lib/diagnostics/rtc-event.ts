import type { Attempt, FailureOutcome } from '../errors/attempt.js';
import type { RtcErrorCode } from '../errors/rtc-messaging.error.js';
import type { RtcActionName } from '../openapi/rtc-action.js';
import type { FanOutCounts } from './fan-out-counts.js';

/** One call of a service's method. All events of a call carry the same object. */
export interface RtcCallInfo {
  /** The module's `name`, or `default`. */
  readonly module: string;
  /** Counts up within one instance of the module. */
  readonly id: number;
  /** What is called at the service. */
  readonly action: RtcActionName;
  /** ISO 8601, by this machine's clock. */
  readonly startedAt: string;
  /** How many users it addresses; absent where that is everyone in a room. */
  readonly recipients?: number;
  /** The fan-out that it is part of. */
  readonly fanOut?: RtcFanOutInfo;
}

/** One fan-out. All events of a fan-out and of its calls carry the same object, unless it is durable. */
export interface RtcFanOutInfo {
  /** The module's `name`, or `default`. */
  readonly module: string;
  /** As its report has it: a UUID or, of a durable one, whatever it was given. */
  readonly id: string;
  /** ISO 8601, by this machine's clock; of a durable one, by that of Redis. */
  readonly startedAt: string;
  /**
   * True if it is sent by the workers of a queue: then any of them may emit its beginning, its end and its calls, each
   * once, and in whichever order processes are heard.
   */
  readonly durable?: true;
}

/** Why a request is sent again. */
export type RtcRetryReason =
  'not_attempted' | 'rejected' | 'throttled' | 'clock_corrected' | 'credentials_refreshed' | 'resend';

/**
 * A call begins. It is told in the caller's own asynchronous context, before anything else happens, so that who
 * listens finds there what the caller has in it. An outcome follows, whatever happens.
 */
export interface RtcBeginEvent {
  /** Tells the events apart. */
  readonly type: 'begin';
  /** The call that it belongs to. */
  readonly call: RtcCallInfo;
}

/** An HTTP attempt has ended. */
export interface RtcAttemptEvent {
  /** Tells the events apart. */
  readonly type: 'attempt';
  /** The call that it belongs to. */
  readonly call: RtcCallInfo;
  /** Counts from 1. */
  readonly number: number;
  /** What became of it. */
  readonly attempt: Attempt;
}

/** A call waits before its next attempt; of the quota (`quota`), it is told when the wait is over. */
export interface RtcWaitEvent {
  /** Tells the events apart. */
  readonly type: 'wait';
  /** The call that it belongs to. */
  readonly call: RtcCallInfo;
  /**
   * `backoff`: between attempts; `throttled`: after the service refused for the quota; `retry_after`: as long
   * as the service asked for; `quota`: for its turn.
   */
  readonly reason: 'backoff' | 'throttled' | 'retry_after' | 'quota';
  /** Milliseconds. */
  readonly delayMs: number;
}

/** A call is about to send again. */
export interface RtcRetryEvent {
  /** Tells the events apart. */
  readonly type: 'retry';
  /** The call that it belongs to. */
  readonly call: RtcCallInfo;
  /** Why it may send again. */
  readonly reason: RtcRetryReason;
  /** Of the attempt that begins. */
  readonly number: number;
}

/** A call has ended. */
export interface RtcOutcomeEvent {
  /** Tells the events apart. */
  readonly type: 'outcome';
  /** The call that it belongs to. */
  readonly call: RtcCallInfo;
  /** What became of the message. */
  readonly outcome: 'accepted' | FailureOutcome;
  /** Every HTTP attempt, oldest first. */
  readonly attempts: readonly Attempt[];
  /** True when more than one attempt may have been accepted (only with `onUnknown: 'resend'`). */
  readonly possibleDuplicate: boolean;
  /** Milliseconds, waits included. */
  readonly durationMs: number;
  /** Of the error that was thrown, if it is one of this library's. */
  readonly code?: RtcErrorCode;
  /** The vendor's code, where the service's answer was the reason. */
  readonly apiCode?: string;
}

/** A fan-out begins, in its caller's own asynchronous context; a durable one with its first chunk, at a worker. */
export interface RtcFanOutBeginEvent {
  /** Tells the events apart. */
  readonly type: 'fan_out_begin';
  /** The fan-out that it is about. */
  readonly fanOut: RtcFanOutInfo;
}

/** A fan-out has ended, after all of its calls. */
export interface RtcFanOutOutcomeEvent {
  /** Tells the events apart. */
  readonly type: 'fan_out_outcome';
  /** The fan-out that it is about. */
  readonly fanOut: RtcFanOutInfo;
  /** As its report has it. */
  readonly status: 'accepted' | 'partial' | 'rejected' | 'aborted';
  /** How many came to each end. */
  readonly counts: FanOutCounts;
  /** The reason of the report's `stop`, if something stopped it. */
  readonly stop?:
    'aborted' | 'deadline' | 'source' | 'refused' | 'unreachable' | 'quota' | 'shutdown' | 'callback';
  /** HTTP attempts that were made. */
  readonly requests: number;
  /** Of these, how many the service refused because the quota was used up. */
  readonly throttled: number;
  /** Milliseconds. */
  readonly durationMs: number;
}

/** Requests are signed with another offset from this machine's clock from now on. */
export interface RtcClockEvent {
  /** Tells the events apart. */
  readonly type: 'clock';
  /** The module's `name`, or `default`. */
  readonly module: string;
  /** How far the service is ahead of this machine, in milliseconds. */
  readonly offsetMs: number;
}

/** The credentials provider has answered, or failed. */
export interface RtcCredentialsEvent {
  /** Tells the events apart. */
  readonly type: 'credentials';
  /** The module's `name`, or `default`. */
  readonly module: string;
  /** Whether the provider gave credentials. */
  readonly status: 'refreshed' | 'refresh_failed';
  /** How the provider failed: the kind of error or what is wrong with its answer, and nothing that it said. */
  readonly failure?: string | undefined;
  /** What is odd about what it gave, and nothing of it. */
  readonly warning?: string | undefined;
  /** Whether the credentials in hand can go on serving. */
  readonly usable: boolean;
}

/** A quota that several processes share is shared from now on, or is not. */
export interface RtcQuotaEvent {
  /** Tells the events apart. */
  readonly type: 'quota';
  /** The module's `name`, or `default`. */
  readonly module: string;
  /**
   * `shared`: it is (told once at the beginning, too); `fallback`: its store is away, and this process keeps to its
   * declared share; `refusing`: its store is away, and nothing is sent.
   */
  readonly status: 'shared' | 'fallback' | 'refusing';
  /** Why it is not shared, and what to do about it. */
  readonly failure?: string | undefined;
}

/**
 * The service was found to allow less than the quota that this process goes by, since others use the account too or
 * since it counts otherwise (`permitsPerSecond` is there); or it no longer refuses anything.
 */
export interface RtcThrottlingEvent {
  /** Tells the events apart. */
  readonly type: 'throttling';
  /** The module's `name`, or `default`. */
  readonly module: string;
  /** About as much as it allows a second; 0 if it refuses everything; absent once it allows all of the quota again. */
  readonly permitsPerSecond?: number;
  /** How many recipients a request has from now on, where it refuses larger ones. */
  readonly chunkSize?: number;
}

/** The app shuts down. */
export interface RtcShutdownEvent {
  /** Tells the events apart. */
  readonly type: 'shutdown';
  /** The module's `name`, or `default`. */
  readonly module: string;
  /** `started`: the app begins to close, and new calls will be refused; `timed_out`: those under way are broken off. */
  readonly status: 'started' | 'timed_out';
  /** Calls that are under way. */
  readonly inFlight: number;
}

/** What is published on `node:diagnostics_channel`, as `nestjs-rtc-messaging:{type}`. */
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
  | RtcShutdownEvent;

/** Where events go. It must not throw. */
export type Emit = (event: RtcEvent) => void;
