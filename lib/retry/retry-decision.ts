import type { RtcRetryReason, RtcWaitEvent } from '../diagnostics/rtc-event.js';
import type { Attempt, AttemptPhase } from '../errors/attempt.js';
import { RtcApiError } from '../errors/rtc-api.error.js';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import type { RtcMessagingError } from '../errors/rtc-messaging.error.js';
import { RtcNetworkError } from '../errors/rtc-network.error.js';
import { RtcQuotaError } from '../errors/rtc-quota.error.js';
import { RtcTimeoutError } from '../errors/rtc-timeout.error.js';
import type { ApiReply } from '../openapi/api-reply.js';
import { type AttemptEnd, RESPONSE_TOO_LARGE } from '../openapi/http-attempt.js';
import { backoffMs } from './backoff.js';
import type { CallDeadline } from './call-deadline.js';
import type { CallPlan } from './call-policy.js';
import type { RetryBudget } from './retry-budget.js';

// Every decision on sending again: `classify()` says what an attempt proves and what could be done, `CallRetries` whether a
// call does it, and `decideChunk()` what a fan-out does about a chunk whose call has failed. Two limits stand elsewhere:
// that of clock corrections in `SendCall`, and that of a chunk's time in `ChunkSender`.

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

/** Whether the service refuses the access key, its signature or its session token. */
export function isCredentialsRefusal(apiCode: string | undefined): boolean {
  return ACTIONS.get(apiCode ?? '') === 'refresh_credentials';
}

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
  return failure === 'REQUEST_FAILED' || failure === 'NOT_ENCRYPTED' || CERTIFICATE_FAILURE.test(failure);
}

/** Failures because of an untrusted certificate: Node's X509 codes. */
export const CERTIFICATE_FAILURE =
  /CERT|CRL|LEAF_SIGNATURE|HOSTNAME_MISMATCH|^INVALID_(CA|PURPOSE)\b|^PATH_LENGTH_EXCEEDED\b/;

/** Failures to find a host's address. */
export const NAME_FAILURE = /^(ENOTFOUND|EAI_|ENODATA)/;

/** Another attempt of a call, and the wait before it. */
export interface NextAttempt {
  readonly reason: RtcRetryReason;
  readonly wait?: Pick<RtcWaitEvent, 'reason' | 'delayMs'>;
}

/** Decides on the retries of one call, and counts them. */
export class CallRetries {
  #count = 0;
  #areCredentialsRefreshed = false;

  /** @param random from 0 to below 1 */
  constructor(
    private readonly plan: Pick<CallPlan, 'policy' | 'maxAttempts' | 'onUnknown'>,
    /** `isGet`: whether it only asks. */
    private readonly call: { readonly isGet: boolean; readonly attempts: readonly Attempt[] },
    private readonly deadline: CallDeadline,
    private readonly budget: RetryBudget,
    private readonly random: () => number,
  ) {}

  /**
   * Decides on the next attempt after a decision on the last one. Undefined if no retry is left.
   * @param askedMs the wait that the service asked for, in milliseconds
   */
  next(action: RetryAction, end: AttemptEnd, askedMs: number): NextAttempt | undefined {
    const { policy, onUnknown } = this.plan;
    const { isGet, attempts } = this.call;
    switch (action) {
      case 'none':
        return undefined;
      case 'correct_clock':
        return { reason: 'clock_corrected' };
      case 'refresh_credentials':
        if (this.#areCredentialsRefreshed) return undefined;
        this.#areCredentialsRefreshed = true;
        return { reason: 'credentials_refreshed' };
      case 'retry':
        return this.#again(end.kind === 'answered' ? 'rejected' : 'not_attempted', askedMs);
      case 'slow_down':
        // A fan-out's chunk is left to `ChunkSender`, which may cut it. One that may have been accepted is sent again
        // whole.
        return policy.retriesThrottled || attempts.some(({ outcome }) => outcome === 'unknown')
          ? this.#again('throttled', askedMs)
          : undefined;
      case 'ask_policy': {
        // The same question would get an answer that is too long again.
        const isTooLarge = isGet && end.kind === 'network_error' && end.failure === RESPONSE_TOO_LARGE;
        return onUnknown === 'resend' && !isTooLarge ? this.#again('resend', askedMs) : undefined;
      }
    }
  }

  #again(reason: RtcRetryReason, askedMs: number): NextAttempt | undefined {
    const { policy, maxAttempts } = this.plan;
    const patient = policy.retriesUntilDeadline && reason !== 'resend';
    if (!patient && this.#count + 1 >= maxAttempts) return undefined;
    const throttled = reason === 'throttled';
    const delayMs = askedMs + backoffMs(this.#count, throttled && policy.retriesThrottled, this.random);
    // If the next attempt can't begin in time, the call fails now.
    if (delayMs + this.deadline.neededMs >= this.deadline.leftMs) return undefined;
    if (!patient && !this.budget.take()) return undefined;
    this.#count += 1;
    return {
      reason,
      wait: { reason: askedMs > 0 ? 'retry_after' : throttled ? 'throttled' : 'backoff', delayMs },
    };
  }
}

/**
 * What to do after a chunk failed:
 *
 * - `split`: the service refused one of its recipients
 * - `shrink`: it has too many recipients
 * - `again`: the quota was used up. Send it again, in smaller parts if the service refuses requests of this size.
 * - `refused`, `unreachable`, `quota`: the next chunks would fail too, so the fan-out stops for this reason
 * - `go_on`: the failure concerns only this chunk
 */
export type ChunkRetryDecision = 'split' | 'shrink' | 'again' | 'go_on' | 'refused' | 'unreachable' | 'quota';

/**
 * What different messages have in common: the app, the key, the signature, the permission, the service and the clock.
 * Every other refusal, published or not, may concern one message alone.
 */
const CONCERNS_ALL =
  /AppId|Account|AccessKey|Signature|Timestamp|AuthenticationToken|SecretToken|^(InvalidAuthorization|InvalidCredential|LackPolicy|AccessDenied|ServiceNotFound|InvalidActionOrVersion|MethodNotAllowed|MissingRequestInfo)(\.|$)/;

/** A refused chunk may be sent again only if no attempt may have been accepted. The error's outcome says so. */
export function decideChunk(
  error: RtcMessagingError,
  recipients: number,
  hasOneMessage = true,
): ChunkRetryDecision {
  if (error instanceof RtcConfigError) return 'refused';
  if (error instanceof RtcQuotaError) return error.chunkSize === undefined ? 'quota' : 'again';
  const unreachable = error instanceof RtcNetworkError || error instanceof RtcTimeoutError;
  if (unreachable && error.outcome === 'not_attempted') return 'unreachable';
  if (!(error instanceof RtcApiError) || error.outcome !== 'rejected') return 'go_on';
  const { apiCode, attempts } = error;
  if (apiCode === 'InvalidParameter.IllegalTo') return recipients > 1 ? 'split' : 'go_on';
  if (apiCode === 'InvalidParameter.UserCountOverLimit') return recipients > 1 ? 'shrink' : 'go_on';
  if (attempts.at(-1)?.throttled) return 'again';
  if (!hasOneMessage) return error.httpStatus === 401 || CONCERNS_ALL.test(apiCode) ? 'refused' : 'go_on';
  // The next chunk may succeed. All other refusals concern what every chunk has in common.
  return apiCode === 'FailToConnect' ? 'go_on' : 'refused';
}
