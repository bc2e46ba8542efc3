import type { Attempt, AttemptPhase } from '../errors/attempt.js';
import type { ApiReply } from '../openapi/api-reply.js';
import type { AttemptEnd, AttemptResult } from '../openapi/http-attempt.js';
import type { RequestEnd } from '../quota/rate-limiter.js';

/**
 * What to do after an attempt that was not accepted:
 *
 * - `none`: nothing, the failure is final
 * - `retry`: send again after a wait
 * - `slow_down`: send again after a wait, and slow all requests down
 * - `correct_clock`: sign again with the service's time
 * - `refresh_credentials`: sign again with new credentials, if there are any
 * - `ask_policy`: send again only with `onUnknown: 'resend'`, since the message may then arrive twice
 */
export type RetryAction =
  'none' | 'retry' | 'slow_down' | 'correct_clock' | 'refresh_credentials' | 'ask_policy';

/** The outcome that an attempt proves, and the action that follows. */
export interface RetryDecision {
  readonly outcome: Attempt['outcome'];
  readonly action: RetryAction;
}

const ACCEPTED: RetryDecision = { outcome: 'accepted', action: 'none' };
const REFUSED: RetryDecision = { outcome: 'rejected', action: 'none' };
const UNKNOWN: RetryDecision = { outcome: 'unknown', action: 'ask_policy' };
const THROTTLED: RetryDecision = { outcome: 'rejected', action: 'slow_down' };

/**
 * Classifies one attempt. A phase before `sent` proves that nothing was sent. An answer proves something only if it can
 * be read.
 */
export function classify(end: AttemptEnd, phase: AttemptPhase): RetryDecision {
  if (end.kind === 'answered') return ofAnswer(end.reply, end.httpStatus);
  // An aborted call is never retried, whatever the policy.
  const givenUp = end.kind === 'interrupted' && end.by === 'aborted';
  if (phase !== 'queued' && phase !== 'connecting') {
    return { outcome: 'unknown', action: givenUp ? 'none' : 'ask_policy' };
  }
  const final =
    givenUp || end.kind === 'no_credentials' || (end.kind === 'network_error' && isFinal(end.failure));
  return { outcome: 'not_attempted', action: final ? 'none' : 'retry' };
}

function ofAnswer(reply: ApiReply, httpStatus: number): RetryDecision {
  switch (reply.kind) {
    case 'success':
      return httpStatus >= 200 && httpStatus < 300 ? ACCEPTED : UNKNOWN;
    case 'error':
      return ofCode(reply.apiCode, reply.codeN, httpStatus);
    case 'unreadable':
      // Any gateway on the way may refuse with these, readable or not.
      if (httpStatus === TOO_MANY_REQUESTS) return THROTTLED;
      return TOO_LARGE.has(httpStatus) ? REFUSED : UNKNOWN;
  }
}

/**
 * A readable error is a rejection, whatever the HTTP status, except for these. With these codes the service says that
 * it does not know how far the request came (`InternalServiceTimeout`, `ServiceUnavailableTemp`, …). The numbers are
 * those of `InternalError` and `InternalServiceTimeout`.
 */
const UNDECIDED = /^Internal|Timeout|Unavailable/;
const UNDECIDED_NUMBERS: ReadonlySet<number | undefined> = new Set([100_014, 100_016]);
const REQUEST_TIMEOUT = 408;
const TOO_MANY_REQUESTS = 429;
/** The body, the URL or the headers. */
const TOO_LARGE: ReadonlySet<number> = new Set([413, 414, 431]);
const THROTTLING: ReadonlySet<string> = new Set(['FlowLimitExceeded', 'AccountFlowLimitExceeded']);
const ACCOUNT_THROTTLED = 100_027;

const ACTIONS: ReadonlyMap<string, RetryAction> = new Map([
  // The gateway could not reach the service.
  ['FailToConnect', 'retry'],
  ['InvalidTimestamp', 'correct_clock'],
  ['InvalidAccessKey', 'refresh_credentials'],
  ['SignatureDoesNotMatch', 'refresh_credentials'],
  ['InvalidSecretToken', 'refresh_credentials'],
]);

function ofCode(apiCode: string, codeN: number | undefined, httpStatus: number): RetryDecision {
  const [codeClass = apiCode] = apiCode.split('.', 1);
  if (THROTTLING.has(codeClass) || codeN === ACCOUNT_THROTTLED) return THROTTLED;
  // The only 5xx that is a rejection.
  if (codeClass !== 'FailToConnect') {
    const undecided = UNDECIDED.test(codeClass) || UNDECIDED_NUMBERS.has(codeN);
    if (undecided || httpStatus >= 500 || httpStatus === REQUEST_TIMEOUT) return UNKNOWN;
  }
  if (httpStatus === TOO_MANY_REQUESTS) return THROTTLED;
  return { outcome: 'rejected', action: ACTIONS.get(codeClass) ?? 'none' };
}

/**
 * Failures that the next attempt would meet again: an untrusted certificate (Node's X509 codes), or a fault of this
 * process.
 */
function isFinal(failure: string): boolean {
  return failure === 'REQUEST_FAILED' || failure === 'NOT_ENCRYPTED' || isCertificateFailure(failure);
}

/** Whether a failure is an untrusted certificate: Node's X509 codes. */
export function isCertificateFailure(failure: string): boolean {
  return /CERT|CRL|LEAF_SIGNATURE|HOSTNAME_MISMATCH|^INVALID_(CA|PURPOSE)$|^PATH_LENGTH_EXCEEDED$/.test(
    failure,
  );
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
  const isGateway = end.reply.kind === 'unreadable' || GATEWAY_ANSWERS.has(end.httpStatus);
  return isGateway ? 'unanswered' : 'answered';
}
