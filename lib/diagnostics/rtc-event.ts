import type { Attempt, FailureOutcome } from '../errors/attempt.js';
import type { RtcErrorCode } from '../errors/rtc-messaging.error.js';
import type { RtcActionName } from '../openapi/rtc-action.js';

/** One call of a service's method. All events of a call carry the same object. */
export interface RtcCallInfo {
  /** The module's `name`, or `default`. */
  readonly module: string;
  /** Counts up within one instance of the module. */
  readonly id: number;
  readonly action: RtcActionName;
  /** ISO 8601, by this machine's clock. */
  readonly startedAt: string;
}

/** Why a request is sent again. */
export type RtcRetryReason =
  'not_attempted' | 'rejected' | 'throttled' | 'clock_corrected' | 'credentials_refreshed' | 'resend';

/** An HTTP attempt has ended. */
export interface RtcAttemptEvent {
  readonly type: 'attempt';
  readonly call: RtcCallInfo;
  /** Counts from 1. */
  readonly number: number;
  readonly attempt: Attempt;
}

/** A call waits before its next attempt; of the quota (`quota`), it is told when the wait is over. */
export interface RtcWaitEvent {
  readonly type: 'wait';
  readonly call: RtcCallInfo;
  readonly reason: 'backoff' | 'throttled' | 'retry_after' | 'quota';
  /** Milliseconds. */
  readonly delayMs: number;
}

/** A call is about to send again. */
export interface RtcRetryEvent {
  readonly type: 'retry';
  readonly call: RtcCallInfo;
  readonly reason: RtcRetryReason;
  /** Of the attempt that begins. */
  readonly number: number;
}

/** A call has ended. */
export interface RtcOutcomeEvent {
  readonly type: 'outcome';
  readonly call: RtcCallInfo;
  readonly outcome: 'accepted' | FailureOutcome;
  readonly attempts: readonly Attempt[];
  readonly possibleDuplicate: boolean;
  /** Milliseconds, waits included. */
  readonly durationMs: number;
  /** Of the error that was thrown. */
  readonly code?: RtcErrorCode;
  /** The vendor's code, where the service's answer was the reason. */
  readonly apiCode?: string;
}

/** Requests are signed with another offset from this machine's clock from now on. */
export interface RtcClockEvent {
  readonly type: 'clock';
  /** The module's `name`, or `default`. */
  readonly module: string;
  /** How far the service is ahead of this machine, in milliseconds. */
  readonly offsetMs: number;
}

/** The credentials provider has answered, or failed. */
export interface RtcCredentialsEvent {
  readonly type: 'credentials';
  /** The module's `name`, or `default`. */
  readonly module: string;
  readonly status: 'refreshed' | 'refresh_failed';
  /** How the provider failed: the kind of error or what is wrong with its answer, and nothing that it said. */
  readonly failure?: string;
  /** Whether the credentials in hand can go on serving. */
  readonly usable: boolean;
}

/** The app shuts down. */
export interface RtcShutdownEvent {
  readonly type: 'shutdown';
  /** The module's `name`, or `default`. */
  readonly module: string;
  /** `started`: new calls are refused; `timed_out`: those under way are broken off. */
  readonly status: 'started' | 'timed_out';
  /** Calls that are under way. */
  readonly inFlight: number;
}

/** What is published on `node:diagnostics_channel`, as `nestjs-rtc-messaging:{type}`. */
export type RtcEvent =
  | RtcAttemptEvent
  | RtcWaitEvent
  | RtcRetryEvent
  | RtcOutcomeEvent
  | RtcClockEvent
  | RtcCredentialsEvent
  | RtcShutdownEvent;

/** Where events go. It must not throw. */
export type Observe = (event: RtcEvent) => void;
