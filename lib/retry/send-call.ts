import type { CredentialsSource } from '../credentials/credentials-source.js';
import type {
  Emit,
  RtcCallInfo,
  RtcFanOutInfo,
  RtcRetryReason,
  RtcWaitEvent,
} from '../diagnostics/rtc-event.js';
import type { Attempt } from '../errors/attempt.js';
import { RtcMessagingError } from '../errors/rtc-messaging.error.js';
import { RtcQuotaError } from '../errors/rtc-quota.error.js';
import type { ApiReply } from '../openapi/api-reply.js';
import type { ApiRequest } from '../openapi/api-request.js';
import { type AttemptResult, RESPONSE_TOO_LARGE } from '../openapi/http-attempt.js';
import type { RtcAxiosRef } from '../openapi/intercepted-request.js';
import type { OpenApiClient } from '../openapi/open-api.client.js';
import type { ServiceClockSkew } from '../openapi/service-clock-skew.js';
import { ChunkTooLargeError } from '../quota/chunk-too-large.error.js';
import type { LimiterHandle } from '../quota/limiter-registry.js';
import type { Place, RateLimiter, RequestEnd, RequestPermit } from '../quota/rate-limiter.js';
import type { Cancellation } from '../waiting/cancellation.js';
import { Interrupted, TimeBox, waitFor } from '../waiting/time-box.js';
import { outcomeOfAttempts, describeAttempt } from './attempts.js';
import { backoffMs, retryAfterMs } from './backoff.js';
import { CallDeadline } from './call-deadline.js';
import { abortedError, type CallFacts, deadlineError, errorOfCall } from './call-error.js';
import type { CallPolicy } from './call-policy.js';
import { classify, requestEndOf, type RetryAction, type RetryDecision } from './classify.js';
import type { RetryBudget } from './retry-budget.js';

/** What all calls of a client share. */
export interface SendContext {
  /** The module's name, for events. */
  readonly module: string;
  readonly client: Pick<OpenApiClient, 'identify' | 'attempt' | 'close'>;
  /** The API's version for messaging actions. */
  readonly apiVersion: string;
  readonly clock: ServiceClockSkew;
  readonly credentials: CredentialsSource;
  readonly budget: RetryBudget;
  /** Client and retry budget for calls of other actions, so that they and messages don't affect each other. */
  readonly anyAction: Pick<SendContext, 'client' | 'budget'> & { readonly axiosRef: RtcAxiosRef };
  readonly limiters: LimiterHandle;
  readonly emit: Emit;
  /** Region of the host that is called. Undefined if `endpoint` is set. */
  readonly hostOfRegion?: string | undefined;
  /** The origin that is called. */
  readonly endpoint?: string | undefined;
  /** Runs a call's work inside the call's span, so that other tracing tools nest below it. */
  readonly within: <T>(call: RtcCallInfo, work: () => T) => T;
  /** From 0 to below 1. */
  readonly random: () => number;
}

/** Unknown outcomes: report them, or send again at the risk of sending twice. */
export type OnUnknown = 'report' | 'resend';

/**
 * The options of one call, with defaults. Times are in milliseconds. All members are required, so that none is inherited
 * from a changed prototype.
 */
export interface CallPlan {
  /** Time limit of each attempt. */
  readonly timeoutMs: number;
  /** Time limit of the call as a whole. */
  readonly deadlineMs: number;
  readonly maxAttempts: number;
  readonly onUnknown: OnUnknown;
  readonly policy: CallPolicy;
  /** The room of the message. */
  readonly roomId: string | undefined;
  /** Aborts the call at any moment. */
  readonly signal: AbortSignal | undefined;
  /** Aborts the call between attempts. An attempt in flight may finish. */
  readonly stop: AbortSignal | undefined;
  /** The fan-out that the call belongs to. */
  readonly fanOut: RtcFanOutInfo | undefined;
  /**
   * Called before each attempt, when it has its permit and before any byte is sent. The call ends as if it were stopped
   * unless this resolves to true. The durable queue uses it to record the in-flight state.
   */
  readonly beforeSend: (() => Promise<boolean>) | undefined;
}

/** A finished attempt with its retry decision and its limit: `timeoutMs of 5000 ms`. */
interface JudgedAttempt {
  readonly result: AttemptResult;
  readonly decision: RetryDecision;
  readonly limit: string;
}

function judge(result: AttemptResult, limit: string): JudgedAttempt {
  return { result, decision: classify(result.end, result.phase), limit };
}

interface NextAttempt {
  readonly reason: RtcRetryReason;
  readonly wait?: Pick<RtcWaitEvent, 'reason' | 'delayMs'>;
}

/** One call: its attempts and the waits between them, until one attempt is accepted or no retry is left. */
export class SendCall {
  readonly #deadline: CallDeadline;
  #retries = 0;
  #clockCorrections = 0;
  /** A clock offset that only this call tries, see {@link ServiceClockSkew}. */
  #triedOffsetMs: number | undefined;
  #credentialsRefreshed = false;

  constructor(
    private readonly context: SendContext,
    private readonly info: RtcCallInfo,
    private readonly request: ApiRequest,
    private readonly plan: CallPlan,
    /** Ends the call at any moment. Its reason is {@link SHUTDOWN} if the app aborts. */
    private readonly abort: Cancellation,
    /** Filled while the call runs. */
    private readonly attempts: Attempt[],
  ) {
    this.#deadline = new CallDeadline(plan.timeoutMs, plan.deadlineMs);
  }

  /** @returns the accepting answer. Rejects with an RtcMessagingError. */
  async run(): Promise<ApiReply & { readonly kind: 'success' }> {
    let last: JudgedAttempt | undefined;
    for (;;) {
      last = await this.#attempt(last);
      const { result, decision, limit } = last;
      this.#record(result, decision);
      const { end } = result;
      if (end.kind === 'answered' && end.reply.kind === 'success' && decision.outcome === 'accepted') {
        return end.reply;
      }
      const next = await this.#next(decision.action, result);
      if (next?.wait !== undefined) await this.#wait(next.wait);
      // No attempt begins without time to end.
      if (next === undefined || this.#deadline.leftMs <= 0) {
        throw errorOfCall(this.#facts(), result, limit, this.#retryAfterMs(result));
      }
      this.context.emit({
        type: 'retry',
        call: this.info,
        reason: next.reason,
        number: this.attempts.length + 1,
      });
    }
  }

  /**
   * Takes a permit, makes one attempt with it, and returns the permit.
   * @param last the attempt before this one. If the queue is full, the call ends with the result of that attempt.
   */
  async #attempt(last: JudgedAttempt | undefined): Promise<JudgedAttempt> {
    const { client, clock, limiters } = this.context;
    const { abort } = this;
    const before = this.#deadline.attemptLimit;
    // The await lets a caller abort right after the call, before there is an attempt.
    const identity = await client.identify({ timeoutMs: before.ms, cancellation: abort });
    if (typeof identity !== 'string') return judge(identity, before.name);

    const permit = await this.#takePermit(limiters.limiterFor(identity), last);
    let end: RequestEnd = 'unused';
    try {
      // The wait for the permit may have used up the time for another attempt, see `#retry`.
      if (last !== undefined && this.#neededMs >= this.#deadline.leftMs) {
        throw errorOfCall(this.#facts(), last.result, last.limit);
      }
      const { beforeSend } = this.plan;
      if (beforeSend !== undefined) await this.#ask(beforeSend);
      const limit = this.#deadline.attemptLimit;
      end = 'unanswered';
      const result = await client.attempt(this.request, {
        timeoutMs: limit.ms,
        cancellation: abort,
        mayLeave: () => permit.isValid(),
        clockOffsetMs: this.#triedOffsetMs ?? clock.offsetMs,
      });
      const judged = judge(result, limit.name);
      end = requestEndOf(result, judged.decision, this.#retryAfterMs(result));
      return judged;
    } finally {
      permit.giveBack(end);
    }
  }

  async #takePermit(limiter: RateLimiter, last: JudgedAttempt | undefined): Promise<RequestPermit> {
    const { policy, roomId, stop } = this.plan;
    if (this.abort.isCancelled || stop?.aborted) {
      throw abortedError(this.#facts(), 'while waiting to send');
    }
    const recipients = this.info.recipients ?? 1;
    const permits = this.context.limiters.costOf(recipients);
    // The attempt after the wait must still have its time.
    const withinMs = Math.max(1, this.#deadline.leftMs - Math.max(this.#neededMs, limiter.roundTripMs));
    try {
      const place = limiter.enter({ priority: policy.priority, permits, recipients, roomId, withinMs });
      return 'granted' in place ? await this.#waitFor(place, withinMs) : place;
    } catch (error) {
      if (!(error instanceof RtcQuotaError)) throw error;
      const isUnknown = outcomeOfAttempts(this.attempts) === 'unknown';
      if (error instanceof ChunkTooLargeError && !isUnknown) throw error.after(this.attempts);
      throw last === undefined
        ? error
        : errorOfCall(this.#facts(), last.result, last.limit, error.retryAfterMs);
    }
  }

  async #waitFor(place: Place, withinMs: number): Promise<RequestPermit> {
    const { policy, stop } = this.plan;
    const started = performance.now();
    let permit: RequestPermit;
    try {
      permit = await waitFor(
        place.granted,
        policy.deadlineIncludesQuotaWait ? withinMs : Infinity,
        this.abort,
        stop,
      );
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      place.cancel();
      const when = 'while waiting for the quota';
      throw error.by === 'timeout'
        ? deadlineError(this.#facts(), this.#deadline.name, when)
        : abortedError(this.#facts(), when);
    }
    if (!policy.deadlineIncludesQuotaWait) this.#deadline.extendBySince(started);
    const delayMs = Math.round(performance.now() - started);
    this.context.emit({ type: 'wait', call: this.info, reason: 'quota', delayMs });
    return permit;
  }

  async #ask(beforeSend: () => Promise<boolean>): Promise<void> {
    const started = performance.now();
    // A failure counts as false, unless it says more: without a record, nothing is sent.
    const maySend = await waitFor(beforeSend, Infinity, this.abort, this.plan.stop).catch(
      (error: unknown) => {
        if (error instanceof RtcMessagingError) throw error;
        return false;
      },
    );
    this.#deadline.extendBySince(started);
    if (!maySend) throw abortedError(this.#facts(), 'before it was sent');
  }

  get #neededMs(): number {
    return this.#deadline.neededMs(this.attempts);
  }

  #record(result: AttemptResult, decision: RetryDecision): void {
    const { module, budget, clock, emit } = this.context;
    const attempt = describeAttempt(result, decision);
    this.attempts.push(attempt);
    emit({ type: 'attempt', call: this.info, number: this.attempts.length, attempt });
    if (decision.outcome !== 'accepted') return;
    budget.earn();
    // Only an acceptance proves a new offset. A refusal may come before the check of the time.
    if (this.#triedOffsetMs !== undefined && clock.confirm(this.#triedOffsetMs)) {
      emit({ type: 'clock', module, offsetMs: clock.offsetMs });
    }
  }

  /** Undefined if no retry is left. */
  async #next(action: RetryAction, result: AttemptResult): Promise<NextAttempt | undefined> {
    switch (action) {
      case 'none':
        return undefined;
      case 'correct_clock':
        return this.#correctClock(result) ? { reason: 'clock_corrected' } : undefined;
      case 'refresh_credentials':
        return (await this.#refreshCredentials(result)) ? { reason: 'credentials_refreshed' } : undefined;
      case 'retry':
        return this.#retry(result, result.end.kind === 'answered' ? 'rejected' : 'not_attempted');
      case 'slow_down':
        return this.#isForItsSender() ? undefined : this.#retry(result, 'throttled');
      case 'ask_policy':
        return this.plan.onUnknown === 'resend' && !isTooLargeToGet(this.request, result)
          ? this.#retry(result, 'resend')
          : undefined;
    }
  }

  /**
   * Whether a throttled request returns to the sender of chunks, who may split it. Not if the message may have been
   * accepted before.
   */
  #isForItsSender(): boolean {
    return !this.plan.policy.retriesThrottled && outcomeOfAttempts(this.attempts) !== 'unknown';
  }

  /**
   * Corrects the clock at most twice: once because another call found the right offset in the meantime, once by the
   * answer's own `Date`.
   */
  #correctClock({ end, signedWith }: AttemptResult): boolean {
    const { clock } = this.context;
    if (end.kind !== 'answered' || signedWith === undefined) return false;
    if (this.#triedOffsetMs !== undefined) {
      clock.refute(this.#triedOffsetMs, end.date);
      return false;
    }
    this.#clockCorrections += 1;
    if (this.#clockCorrections > 2) return false;
    if (clock.isOutdated(signedWith.clockOffsetMs)) return true;
    this.#triedOffsetMs = clock.propose(signedWith.clockOffsetMs, end.date);
    return this.#triedOffsetMs !== undefined;
  }

  async #refreshCredentials({ signedWith }: AttemptResult): Promise<boolean> {
    if (this.#credentialsRefreshed || signedWith === undefined) return false;
    this.#credentialsRefreshed = true;
    const { stop } = this.plan;
    const renewal = (): Promise<boolean> => this.context.credentials.replace(signedWith.credentials);
    try {
      return await waitFor(renewal, Math.max(1, this.#deadline.leftMs), this.abort, stop);
    } catch (error) {
      if (!(error instanceof Interrupted) || error.by === 'timeout') return false;
      throw abortedError(this.#facts(), 'while credentials were renewed');
    }
  }

  #retry(result: AttemptResult, reason: RtcRetryReason): NextAttempt | undefined {
    const { policy, maxAttempts } = this.plan;
    const patient = policy.retriesUntilDeadline && reason !== 'resend';
    if (!patient && this.#retries + 1 >= maxAttempts) return undefined;
    const throttled = reason === 'throttled';
    const asked = this.#retryAfterMs(result);
    const delayMs =
      asked + backoffMs(this.#retries, throttled && policy.retriesThrottled, this.context.random);
    // If the next attempt can't begin in time, the call fails now.
    if (delayMs + this.#neededMs >= this.#deadline.leftMs) return undefined;
    if (!patient && !this.context.budget.take()) return undefined;
    this.#retries += 1;
    return {
      reason,
      wait: { reason: asked > 0 ? 'retry_after' : throttled ? 'throttled' : 'backoff', delayMs },
    };
  }

  #retryAfterMs({ end }: AttemptResult): number {
    return end.kind === 'answered' ? retryAfterMs(end.retryAfter, end.date, this.context.clock.now()) : 0;
  }

  async #wait(wait: NonNullable<NextAttempt['wait']>): Promise<void> {
    this.context.emit({ type: 'wait', call: this.info, ...wait });
    const { stop } = this.plan;
    const box = new TimeBox(wait.delayMs, this.abort, stop);
    const end = await box.wait();
    box.dispose();
    if (end === 'aborted') throw abortedError(this.#facts(), 'while waiting to send again');
  }

  #facts(): CallFacts {
    const { action } = this.info;
    const { hostOfRegion, endpoint } = this.context;
    const shuttingDown = this.abort.reason === SHUTDOWN;
    const isGet = this.request.method === 'GET';
    return { action, isGet, attempts: this.attempts, shuttingDown, hostOfRegion, endpoint };
  }
}

/** What is asked for again would be as long again. */
function isTooLargeToGet({ method }: ApiRequest, { end }: AttemptResult): boolean {
  return method === 'GET' && end.kind === 'network_error' && end.failure === RESPONSE_TOO_LARGE;
}

/** The abort reason of the app's shutdown. */
export const SHUTDOWN = 'shutdown';
