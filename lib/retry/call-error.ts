import type { Attempt } from '../errors/attempt.js';
import { RtcAbortedError } from '../errors/rtc-aborted.error.js';
import { RtcApiError } from '../errors/rtc-api.error.js';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import type { RtcMessagingError } from '../errors/rtc-messaging.error.js';
import { RtcNetworkError } from '../errors/rtc-network.error.js';
import { RtcTimeoutError } from '../errors/rtc-timeout.error.js';
import type { AttemptResult } from '../openapi/http-attempt.js';
import type { Cancellation } from '../waiting/cancellation.js';
import { isRtcActionName } from '../openapi/rtc-action.js';
import { hintFor, networkHintFor } from './api-hints.js';
import { codeOf, failureOf, isPossibleDuplicate, outcomeOfAttempts, UNREADABLE } from './attempts.js';

/** The facts about a call that its error reports. */
export interface CallFacts {
  readonly action: string;
  /** Whether it only asks. */
  readonly isGet: boolean;
  readonly attempts: readonly Attempt[];
  /** Its reason is {@link SHUTDOWN} if the app's shutdown aborts the call, rather than the caller. */
  readonly abort: Cancellation;
  /** Region of the host that was called. Undefined if `endpoint` is set. */
  readonly hostOfRegion?: string | undefined;
  /** The origin that was called. */
  readonly endpoint?: string | undefined;
}

/** The abort reason of the app's shutdown. */
export const SHUTDOWN = 'shutdown';

/** Window of the quota. A used-up quota is not free again sooner. */
const QUOTA_WINDOW_MS = 1_000;

/**
 * The error of a call that ends with this attempt.
 * @param limit of that attempt: `timeoutMs of 5000 ms`
 * @param retryAfterMs known wait after a refusal for the quota
 */
export function errorOfCall(
  call: CallFacts,
  { end, phase, signedWith }: AttemptResult,
  limit: string,
  retryAfterMs = 0,
): RtcMessagingError {
  const { action, attempts, endpoint } = call;
  const init = describeCall(call);
  const which = attempts.length > 1 ? ` at attempt ${attempts.length}` : '';
  const when = `in phase "${phase}"${which}`;
  const isUnsent = phase === 'queued' || phase === 'connecting';
  switch (end.kind) {
    case 'interrupted': {
      if (end.by === 'aborted') return abortedError(call, when);
      const signed = signedWith === undefined ? '' : ', signed';
      const hint = isUnsent ? networkHintFor(`TIMEOUT in phase ${phase}${signed}`, endpoint) : undefined;
      return timeoutError(call, limit, when, hint?.replace('{limit}', limit));
    }
    case 'network_error': {
      const failure = failureOf(end);
      const hint = networkHintFor(failure, endpoint);
      const message = `${action} failed with ${failure} ${when}; ${consequenceOf(call)}.`;
      return new RtcNetworkError(message, { ...init, phase, hint });
    }
    case 'no_credentials':
      return new RtcConfigError(end.error.problems, init);
    case 'answered': {
      const { httpStatus, reply } = end;
      const apiCode = codeOf(reply);
      const isMessage = isRtcActionName(action);
      const isRefusal = init.outcome === 'rejected';
      const why = reply.kind === 'unreadable' ? reply.why : 'it carries no error';
      const what =
        apiCode === UNREADABLE
          ? `was answered with HTTP ${httpStatus} that can't be read as a success (${why})`
          : `${isRefusal ? 'was refused' : 'failed'} with ${apiCode} (HTTP ${httpStatus})`;
      // The refusal itself says that the message was not accepted.
      const ending = isRefusal ? '' : `; ${consequenceOf(call)}`;
      return new RtcApiError(`${action} ${what}${which}${ending}.`, {
        ...init,
        httpStatus,
        apiCode,
        codeN: reply.kind === 'error' ? reply.codeN : undefined,
        retryAfterMs:
          attempts.at(-1)?.throttled === true ? Math.max(retryAfterMs, QUOTA_WINDOW_MS) : undefined,
        hint: hintFor(reply.kind === 'error' ? reply.apiCode : apiCode, call.hostOfRegion, isMessage),
      });
    }
  }
}

/**
 * @param limit that was exceeded
 * @param when for example `while waiting to send again`
 */
export function timeoutError(call: CallFacts, limit: string, when: string, hint?: string): RtcTimeoutError {
  const message = `${call.action} exceeded ${limit} ${when}; ${consequenceOf(call)}.`;
  return new RtcTimeoutError(message, { ...describeCall(call), hint });
}

export function abortedError(call: CallFacts, when: string): RtcAbortedError {
  const who = call.abort.reason === SHUTDOWN ? 'aborted by the shutdown of the app' : 'aborted';
  const message = `${call.action} was ${who} ${when}; ${consequenceOf(call)}.`;
  return new RtcAbortedError(message, describeCall(call));
}

function describeCall({ attempts }: CallFacts) {
  return {
    outcome: outcomeOfAttempts(attempts),
    attempts,
    possibleDuplicate: isPossibleDuplicate(attempts),
    requestId: attempts.findLast(({ requestId }) => requestId !== undefined)?.requestId,
  };
}

function consequenceOf({ action, isGet, attempts }: CallFacts): string {
  const what = isRtcActionName(action) ? 'message' : 'request';
  switch (outcomeOfAttempts(attempts)) {
    case 'not_attempted':
      return 'nothing was sent';
    case 'rejected':
      return `the ${what} was not accepted`;
    case 'unknown':
      if (isGet) return 'no result was received';
      return attempts.at(-1)?.outcome === 'unknown'
        ? `the ${what} may have been accepted`
        : 'an earlier attempt may have been accepted';
  }
}
