import type { Attempt, AttemptPhase } from '../errors/attempt.js';
import type { ApiReply } from '../openapi/api-reply.js';
import type { AttemptEnd, AttemptResult } from '../openapi/http-attempt.js';
import type { RequestEnd } from '../quota/rate-limiter.js';

/**
 * What can be done about an attempt that was not accepted:
 *
 * - `none`: nothing; it is final
 * - `retry`: send again after a while
 * - `slow_down`: the same, and everyone sends too much
 * - `correct_clock`: sign again with the service's time
 * - `refresh_credentials`: sign again with other credentials, if there are any
 * - `ask_policy`: send again only if the caller would rather have the message twice than not at all
 */
export type RetryAction =
  'none' | 'retry' | 'slow_down' | 'correct_clock' | 'refresh_credentials' | 'ask_policy';

/** What an attempt proves, and what follows. */
export interface RetryDecision {
  readonly outcome: Attempt['outcome'];
  readonly action: RetryAction;
}

const ACCEPTED: RetryDecision = { outcome: 'accepted', action: 'none' };
const REFUSED: RetryDecision = { outcome: 'rejected', action: 'none' };
const UNKNOWN: RetryDecision = { outcome: 'unknown', action: 'ask_policy' };
const THROTTLED: RetryDecision = { outcome: 'rejected', action: 'slow_down' };

/**
 * Judges one attempt by what was seen of it. The phase alone proves that nothing was sent; an answer proves
 * something only when it can be read.
 */
export function classify(end: AttemptEnd, phase: AttemptPhase): RetryDecision {
  if (end.kind === 'answered') return ofAnswer(end.reply, end.httpStatus);
  // Whoever aborts wants no more, whatever the policy.
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
      // These are a "no" of any gateway on the way, readable or not.
      if (httpStatus === TOO_MANY_REQUESTS) return THROTTLED;
      return TOO_LARGE.has(httpStatus) ? REFUSED : UNKNOWN;
  }
}

/**
 * A readable "no" is a rejection, whatever the HTTP status; these are the words by which the service says that
 * it does not know itself how far the request came (`InternalServiceTimeout`, `ServiceUnavailableTemp`, …), and
 * the numbers of `InternalError` and `InternalServiceTimeout`.
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
  // The gateway did not reach the service behind it.
  ['FailToConnect', 'retry'],
  ['InvalidTimestamp', 'correct_clock'],
  ['InvalidAccessKey', 'refresh_credentials'],
  ['SignatureDoesNotMatch', 'refresh_credentials'],
  ['InvalidSecretToken', 'refresh_credentials'],
]);

function ofCode(apiCode: string, codeN: number | undefined, httpStatus: number): RetryDecision {
  const [codeClass = apiCode] = apiCode.split('.', 1);
  if (THROTTLING.has(codeClass) || codeN === ACCOUNT_THROTTLED) return THROTTLED;
  // The one 5xx that is a "no".
  if (codeClass !== 'FailToConnect') {
    const undecided = UNDECIDED.test(codeClass) || UNDECIDED_NUMBERS.has(codeN);
    if (undecided || httpStatus >= 500 || httpStatus === REQUEST_TIMEOUT) return UNKNOWN;
  }
  if (httpStatus === TOO_MANY_REQUESTS) return THROTTLED;
  return { outcome: 'rejected', action: ACTIONS.get(codeClass) ?? 'none' };
}

/**
 * What the next attempt would meet again: a certificate that is not trusted (Node's X509 codes), or a fault of
 * this side's own.
 */
function isFinal(failure: string): boolean {
  return (
    failure === 'REQUEST_FAILED' ||
    failure === 'NOT_ENCRYPTED' ||
    /CERT|CRL|LEAF_SIGNATURE|HOSTNAME_MISMATCH|^INVALID_(CA|PURPOSE)$|^PATH_LENGTH_EXCEEDED$/.test(failure)
  );
}

/** A gateway answers with these in place of the service behind it, which may have the request all the same. */
const GATEWAY_ANSWERS: ReadonlySet<number> = new Set([502, 504]);

/** What an attempt proves of the quota: whether the service has counted it by now, or never will. */
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
