import type { Attempt, FailureOutcome } from '../errors/attempt.js';
import type { ApiReply } from '../openapi/api-reply.js';
import type { AttemptEnd, AttemptResult } from '../openapi/http-attempt.js';
import type { RequestEnd } from '../quota/rate-limiter.js';
import type { RetryDecision } from './retry-decision.js';

/** Stands for the vendor's code if the answer can't be read. */
export const UNREADABLE = 'UnreadableResponse';

/** Stands for a code that may repeat a part of the request. */
const WITHHELD = 'WithheldCode';

/** The code of an answer that is not a success, safe to show. */
export function codeOf(reply: ApiReply): string {
  if (reply.kind !== 'error') return UNREADABLE;
  return reply.isWithheld ? WITHHELD : reply.apiCode;
}

/** The attempt as receipts, errors and events show it. */
export function describeAttempt(result: AttemptResult, { outcome, action }: RetryDecision): Attempt {
  const { end, phase, startedAt, durationMs, httpStatus } = result;
  const requestId =
    end.kind === 'answered' && end.reply.kind !== 'unreadable' ? end.reply.requestId : undefined;
  const attempt: { -readonly [name in keyof Attempt]: Attempt[name] } = {
    outcome,
    phase,
    startedAt: startedAt.toISOString(),
    durationMs: Math.round(durationMs),
  };
  if (httpStatus !== undefined) attempt.httpStatus = httpStatus;
  if (requestId !== undefined) attempt.requestId = requestId;
  if (action === 'slow_down') attempt.throttled = true;
  if (outcome !== 'accepted') attempt.failure = failureOf(end);
  // Frozen: no listener may change what other listeners receive.
  return Object.freeze(attempt);
}

/** Why an attempt was not accepted, safe to show. */
export function failureOf(end: AttemptEnd): string {
  switch (end.kind) {
    case 'answered':
      return codeOf(end.reply);
    case 'network_error':
      if (end.thrown !== undefined) return `${end.failure} (${end.thrown})`;
      // An agent of the app's may have errors of any kind.
      return /^\w{1,64}$/.test(end.failure) ? end.failure : 'FAILED';
    case 'interrupted':
      return end.by === 'timeout' ? 'TIMEOUT' : 'ABORTED';
    case 'no_credentials':
      return 'NO_CREDENTIALS';
  }
}

/**
 * The outcome of a message whose attempts were not accepted. If one attempt may have been accepted, no later attempt
 * can disprove that.
 */
export function outcomeOfAttempts(attempts: readonly Attempt[]): FailureOutcome {
  if (attempts.some(({ outcome }) => outcome === 'unknown')) return 'unknown';
  return attempts.some(({ outcome }) => outcome === 'rejected') ? 'rejected' : 'not_attempted';
}

/** Whether more than one attempt was accepted or may have been. */
export function isPossibleDuplicate(attempts: readonly Attempt[]): boolean {
  return attempts.filter(({ outcome }) => outcome === 'accepted' || outcome === 'unknown').length > 1;
}

/** Statuses of a gateway. The service behind it may have the request all the same. */
const GATEWAY_ANSWERS: ReadonlySet<number> = new Set([502, 504]);

/** What an attempt proves about the quota: whether the service has counted it, or never will. */
export function requestEndOf(
  { end, phase }: AttemptResult,
  { outcome, action }: RetryDecision,
  throttledMs: number,
): RequestEnd {
  if (end.kind !== 'answered') return phase === 'queued' || phase === 'connecting' ? 'unused' : 'unanswered';
  if (action === 'slow_down') return { throttledMs };
  if (outcome === 'accepted') return 'accepted';
  // A gateway's answer does not prove that the service has counted the request.
  const isGateway = end.reply.kind === 'unreadable' || GATEWAY_ANSWERS.has(end.httpStatus);
  return isGateway ? 'unanswered' : 'answered';
}
