import type { RtcCredentials } from '../credentials/credentials.js';
import type { CredentialsSource } from '../credentials/credentials-source.js';
import type { Emit } from '../diagnostics/channels.js';
import type { RtcCallInfo } from '../diagnostics/rtc-event.js';
import type { Attempt } from '../errors/attempt.js';
import { RtcMessagingError } from '../errors/rtc-messaging.error.js';
import { RtcQuotaError } from '../errors/rtc-quota.error.js';
import type { ApiReply } from '../openapi/api-reply.js';
import type { ApiRequest } from '../openapi/api-request.js';
import { type AttemptResult, HttpAttempt } from '../openapi/http-attempt.js';
import type { OpenApiClient } from '../openapi/open-api.client.js';
import type { ServiceClockSkew } from '../openapi/service-clock-skew.js';
import { ChunkTooLargeError } from '../quota/chunk-too-large.error.js';
import type { LimiterHandle } from '../quota/limiter-registry.js';
import type { Place, RateLimiter, RequestEnd, RequestPermit } from '../quota/rate-limiter.js';
import { Redacted } from '../privacy/redacted.js';
import type { Cancellation } from '../waiting/cancellation.js';
import { Interrupted, TimeBox, waitFor } from '../waiting/time-box.js';
import { outcomeOfAttempts, describeAttempt, requestEndOf } from './attempts.js';
import { retryAfterMs } from './backoff.js';
import { CallDeadline } from './call-deadline.js';
import { abortedError, type CallFacts, deadlineError, errorOfCall } from './call-error.js';
import type { CallPlan } from './call-policy.js';
import type { RetryBudget } from './retry-budget.js';
import { CallRetries, classify, type NextAttempt, type RetryDecision } from './retry-decision.js';

/** What all calls of a client share. */
export interface SendContext {
  /** The module's name, for events. */
  readonly module: string;
  readonly client: Pick<OpenApiClient, 'attempt' | 'close'>;
  /** The API's version for messaging actions. */
  readonly apiVersion: string;
  readonly clock: ServiceClockSkew;
  readonly credentials: CredentialsSource;
  readonly budget: RetryBudget;
  /** Client and retry budget for calls of other actions, so that they and messages don't affect each other. */
  readonly anyAction: Pick<SendContext, 'client' | 'budget'>;
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

/** A finished attempt with its retry decision and its limit: `timeoutMs of 5000 ms`. */
interface JudgedAttempt {
  readonly result: AttemptResult;
  readonly decision: RetryDecision;
  readonly limit: string;
}

function judge(result: AttemptResult, limit: string): JudgedAttempt {
  return { result, decision: classify(result.end, result.phase), limit };
}

/** One call: its attempts and the waits between them, until one attempt is accepted or no retry is left. */
export class SendCall {
  readonly #facts: CallFacts;
  readonly #deadline: CallDeadline;
  readonly #retries: CallRetries;
  #clockCorrections = 0;
  /** A clock offset that only this call tries, see {@link ServiceClockSkew}. */
  #triedOffsetMs: number | undefined;

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
    const { hostOfRegion, endpoint } = context;
    const isGet = request.method === 'GET';
    this.#facts = { action: info.action, isGet, attempts, abort, hostOfRegion, endpoint };
    this.#deadline = new CallDeadline(plan.timeoutMs, plan.deadlineMs);
    this.#retries = new CallRetries(plan, context.budget, context.random);
  }

  /** @returns the accepting answer. Rejects with an RtcMessagingError. */
  async run(): Promise<ApiReply & { readonly kind: 'success' }> {
    const { beforeCall } = this.plan;
    if (beforeCall !== undefined) await this.#ask(beforeCall);
    let last: JudgedAttempt | undefined;
    for (;;) {
      last = await this.#attempt(last);
      const { result, decision, limit } = last;
      this.#record(result, decision);
      const { end } = result;
      if (end.kind === 'answered' && end.reply.kind === 'success' && decision.outcome === 'accepted') {
        return end.reply;
      }
      const next = this.#retries.next(decision.action, end, {
        leftMs: this.#deadline.leftMs,
        neededMs: this.#neededMs,
        askedMs: this.#retryAfterMs(result),
        isUnknown: outcomeOfAttempts(this.attempts) === 'unknown',
        isGet: this.#facts.isGet,
      });
      // No attempt begins without time to end.
      if (next === undefined || !(await this.#prepare(next, result)) || this.#deadline.leftMs <= 0) {
        throw errorOfCall(this.#facts, result, limit, this.#retryAfterMs(result));
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
    const before = this.#deadline.attemptLimit;
    // The await lets a caller abort right after the call, before there is an attempt.
    const found = await this.#findCredentials(before.ms);
    if (!(found instanceof Redacted)) return judge(found, before.name);

    const permit = await this.#takePermit(limiters.limiterFor(found.open().accessKeyId), last);
    let end: RequestEnd = 'unused';
    try {
      // The wait for the permit may have used up the time for another attempt, see `CallRetries`.
      if (last !== undefined && this.#neededMs >= this.#deadline.leftMs) {
        throw errorOfCall(this.#facts, last.result, last.limit);
      }
      const { beforeSend } = this.plan;
      if (beforeSend !== undefined) await this.#ask(beforeSend);
      // They may have expired during the wait.
      const { ms, name } = this.#deadline.attemptLimit;
      const latest = await this.#findCredentials(ms);
      if (!(latest instanceof Redacted)) return judge(latest, name);
      const limit = this.#deadline.attemptLimit;
      end = 'unanswered';
      const result = await client.attempt(this.request, {
        credentials: latest,
        timeoutMs: limit.ms,
        cancellation: this.abort,
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

  /** @returns how the attempt ended if there are none */
  #findCredentials(
    timeoutMs: number,
  ): Redacted<RtcCredentials> | Promise<Redacted<RtcCredentials> | AttemptResult> {
    const found = this.context.credentials.get();
    return found instanceof Promise
      ? HttpAttempt.make({ timeoutMs, cancellation: this.abort }, (attempt) => attempt.guard(found))
      : found;
  }

  async #takePermit(limiter: RateLimiter, last: JudgedAttempt | undefined): Promise<RequestPermit> {
    const { policy, roomId, stop } = this.plan;
    if (this.abort.isCancelled || stop?.isCancelled) {
      throw abortedError(this.#facts, 'while waiting to send');
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
      if (error instanceof ChunkTooLargeError && !isUnknown) {
        throw new ChunkTooLargeError(error.chunkSize, this.attempts);
      }
      throw last === undefined
        ? error
        : errorOfCall(this.#facts, last.result, last.limit, error.retryAfterMs);
    }
  }

  async #waitFor(place: Place, withinMs: number): Promise<RequestPermit> {
    const isLimited = this.plan.policy.deadlineIncludesQuotaWait;
    const when = 'while waiting for the quota';
    const started = performance.now();
    const permit = await this.#during(when, place.granted, isLimited ? withinMs : Infinity).catch(
      (error: unknown) => {
        place.cancel();
        throw error instanceof Interrupted ? deadlineError(this.#facts, this.#deadline.name, when) : error;
      },
    );
    if (!isLimited) this.#deadline.extendBySince(started);
    const delayMs = Math.round(performance.now() - started);
    this.context.emit({ type: 'wait', call: this.info, reason: 'quota', delayMs });
    return permit;
  }

  async #ask(whether: () => Promise<boolean>): Promise<void> {
    const started = performance.now();
    const { deadlineIncludesQuotaWait } = this.plan.policy;
    const withinMs = deadlineIncludesQuotaWait ? Math.max(1, this.#deadline.leftMs) : Infinity;
    const when = 'before it was sent';
    // A failure counts as false, unless it says more: without a record, nothing is sent.
    const maySend = await this.#during(when, whether, withinMs).catch((error: unknown) => {
      if (error instanceof Interrupted) throw deadlineError(this.#facts, this.#deadline.name, when);
      return orFalse(error);
    });
    if (!deadlineIncludesQuotaWait) this.#deadline.extendBySince(started);
    if (!maySend) throw abortedError(this.#facts, when);
  }

  /** Waits for work. Rejects with the call's error if the call is aborted or stopped meanwhile. */
  async #during<T>(when: string, work: Promise<T> | (() => Promise<T>), limitMs: number): Promise<T> {
    try {
      return await waitFor(work, limitMs, this.abort, this.plan.stop);
    } catch (error) {
      const isAborted = error instanceof Interrupted && error.by === 'aborted';
      throw isAborted ? abortedError(this.#facts, when) : error;
    }
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

  /** @returns whether there is a next attempt, after what it needs was done */
  async #prepare({ reason, wait }: NextAttempt, result: AttemptResult): Promise<boolean> {
    if (wait !== undefined) await this.#wait(wait);
    if (reason === 'clock_corrected') return this.#correctClock(result);
    return reason !== 'credentials_refreshed' || (await this.#refreshCredentials(result));
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
    if (signedWith === undefined) return false;
    const renewal = (): Promise<boolean> => this.context.credentials.replace(signedWith.credentials);
    const leftMs = Math.max(1, this.#deadline.leftMs);
    return this.#during('while credentials were renewed', renewal, leftMs).catch(orFalse);
  }

  #retryAfterMs({ end }: AttemptResult): number {
    return end.kind === 'answered' ? retryAfterMs(end.retryAfter, end.date, this.context.clock.now()) : 0;
  }

  async #wait(wait: NonNullable<NextAttempt['wait']>): Promise<void> {
    this.context.emit({ type: 'wait', call: this.info, ...wait });
    const { stop } = this.plan;
    const end = await new TimeBox(wait.delayMs, this.abort, stop).wait();
    if (end === 'aborted') throw abortedError(this.#facts, 'while waiting to send again');
  }
}

function orFalse(error: unknown): false {
  if (error instanceof RtcMessagingError) throw error;
  return false;
}
