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
import type { LimiterHandle } from '../quota/limiter-registry.js';
import type { Place, RateLimiter, RequestEnd, RequestPermit } from '../quota/rate-limiter.js';
import { Redacted } from '../privacy/redacted.js';
import type { Cancellation } from '../waiting/cancellation.js';
import { Interrupted, TimeBox, waitFor } from '../waiting/time-box.js';
import { outcomeOfAttempts, describeAttempt, requestEndOf } from './attempts.js';
import { retryAfterMs } from './backoff.js';
import { CallDeadline } from './call-deadline.js';
import { abortedError, type CallFacts, errorOfCall, timeoutError } from './call-error.js';
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

/** A finished attempt, its retry decision, and what its call's error reports. */
interface JudgedAttempt {
  readonly result: AttemptResult;
  readonly decision: RetryDecision;
  /** Its limit: `timeoutMs of 5000 ms`. */
  readonly limit: string;
  /** The wait that the service asked for, in milliseconds. */
  readonly askedMs: number;
}

/** One call: its attempts and the waits between them, until one attempt is accepted or no retry is left. */
export class SendCall {
  readonly #facts: CallFacts;
  readonly #deadline: CallDeadline;
  readonly #retries: CallRetries;
  /** The attempt before the next one. */
  #last: JudgedAttempt | undefined;
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
    const { budget, random, hostOfRegion, endpoint } = context;
    const isGet = request.method === 'GET';
    this.#facts = { action: info.action, isGet, attempts, abort, hostOfRegion, endpoint };
    this.#deadline = new CallDeadline(plan, attempts);
    this.#retries = new CallRetries(plan, this.#facts, this.#deadline, budget, random);
  }

  /** @returns the accepting answer. Rejects with an RtcMessagingError. */
  async run(): Promise<ApiReply & { readonly kind: 'success' }> {
    await this.#ask(this.plan.beforeCall);
    for (;;) {
      const last = (this.#last = await this.#attempt());
      const { result, decision, askedMs } = last;
      this.#record(result, decision);
      const { end } = result;
      if (end.kind === 'answered' && end.reply.kind === 'success' && decision.outcome === 'accepted') {
        return end.reply;
      }
      const next = this.#retries.next(decision.action, end, askedMs);
      // No attempt begins without time to end.
      if (next === undefined || !(await this.#prepare(next, result)) || this.#deadline.leftMs <= 0) {
        throw this.#errorAfter(last);
      }
      const { reason } = next;
      this.context.emit({ type: 'retry', call: this.info, reason, number: this.attempts.length + 1 });
    }
  }

  /** Takes a permit, makes one attempt with it, and returns the permit. */
  async #attempt(): Promise<JudgedAttempt> {
    const { client, clock, limiters } = this.context;
    // The await lets a caller abort right after the call, before there is an attempt.
    const found = await this.#findCredentials();
    if (!(found instanceof Redacted)) return found;

    const permit = await this.#takePermit(limiters.limiterFor(found.open().accessKeyId));
    let end: RequestEnd = 'unused';
    try {
      // The wait for the permit may have used up the time for another attempt, see `CallRetries`.
      if (this.#last !== undefined && this.#deadline.neededMs >= this.#deadline.leftMs) {
        throw this.#errorAfter(this.#last);
      }
      await this.#ask(this.plan.beforeSend);
      // They may have expired during the wait.
      const credentials = await this.#findCredentials();
      if (!(credentials instanceof Redacted)) return credentials;
      const limit = this.#deadline.attemptLimit;
      end = 'unanswered';
      const result = await client.attempt(this.request, {
        credentials,
        timeoutMs: limit.ms,
        cancellation: this.abort,
        mayLeave: () => permit.isValid(),
        clockOffsetMs: this.#triedOffsetMs ?? clock.offsetMs,
      });
      const judged = this.#judge(result, limit.name);
      end = requestEndOf(result, judged.decision, judged.askedMs);
      return judged;
    } finally {
      permit.giveBack(end);
    }
  }

  #judge(result: AttemptResult, limit: string): JudgedAttempt {
    const { end, phase } = result;
    const { clock } = this.context;
    const askedMs = end.kind === 'answered' ? retryAfterMs(end.retryAfter, end.date, clock.now()) : 0;
    return { result, decision: classify(end, phase), limit, askedMs };
  }

  /** The error of the call if it ends with this attempt. */
  #errorAfter({ result, limit, askedMs }: JudgedAttempt, retryAfterMs = askedMs): RtcMessagingError {
    return errorOfCall(this.#facts, result, limit, retryAfterMs);
  }

  /** @returns how the attempt ended if there are none */
  #findCredentials(): Redacted<RtcCredentials> | Promise<Redacted<RtcCredentials> | JudgedAttempt> {
    const found = this.context.credentials.get();
    if (!(found instanceof Promise)) return found;
    const { ms: timeoutMs, name } = this.#deadline.attemptLimit;
    const limits = { timeoutMs, cancellation: this.abort };
    return HttpAttempt.make(limits, (attempt) => attempt.guard(found)).then((end) =>
      end instanceof Redacted ? end : this.#judge(end, name),
    );
  }

  /** If the queue is full, the call ends with the result of its last attempt. */
  async #takePermit(limiter: RateLimiter): Promise<RequestPermit> {
    this.#requireUnaborted('while waiting to send');
    const { policy, roomId } = this.plan;
    const recipients = this.info.recipients ?? 1;
    const permits = this.context.limiters.costOf(recipients);
    const { leftMs, neededMs } = this.#deadline;
    // The attempt after the wait must still have its time.
    const withinMs = Math.max(1, leftMs - Math.max(neededMs, limiter.roundTripMs));
    try {
      const place = limiter.enter({ priority: policy.priority, permits, recipients, roomId, withinMs });
      return 'granted' in place ? await this.#waitFor(place, withinMs) : place;
    } catch (error) {
      if (!(error instanceof RtcQuotaError)) throw error;
      const { message, retryAfterMs, chunkSize } = error;
      if (chunkSize !== undefined && outcomeOfAttempts(this.attempts) !== 'unknown')
        throw new RtcQuotaError(message, { retryAfterMs, chunkSize, attempts: this.attempts });
      throw this.#last === undefined ? error : this.#errorAfter(this.#last, retryAfterMs);
    }
  }

  async #waitFor(place: Place, withinMs: number): Promise<RequestPermit> {
    const started = performance.now();
    const permit = await this.#during('while waiting for the quota', place.granted, withinMs).catch(
      (error: unknown) => {
        place.cancel();
        throw error;
      },
    );
    const delayMs = Math.round(performance.now() - started);
    this.context.emit({ type: 'wait', call: this.info, reason: 'quota', delayMs });
    return permit;
  }

  async #ask(whether: CallPlan['beforeSend']): Promise<void> {
    if (whether === undefined) return;
    const when = 'before it was sent';
    // If it fails, nothing is sent: there is no record. An RtcMessagingError says why, and is passed on.
    const maySend = await this.#during(when, whether, Math.max(1, this.#deadline.leftMs)).catch(
      (error: unknown) => {
        if (error instanceof RtcMessagingError) throw error;
        return false;
      },
    );
    if (!maySend) throw abortedError(this.#facts, when);
  }

  /**
   * Waits for work before an attempt. Rejects with the call's error if the call is aborted or stopped meanwhile, or the
   * wait counts toward its deadline and is too long.
   */
  async #during<T>(when: string, work: Promise<T> | (() => Promise<T>), withinMs: number): Promise<T> {
    const started = performance.now();
    const { deadlineIncludesQuotaWait: isCounted } = this.plan.policy;
    try {
      return await waitFor(work, isCounted ? withinMs : Infinity, this.abort, this.plan.stop);
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      this.#requireUnaborted(when);
      throw timeoutError(this.#facts, this.#deadline.name, when);
    } finally {
      if (!isCounted) this.#deadline.extendBySince(started);
    }
  }

  #requireUnaborted(when: string): void {
    if (this.abort.isCancelled || this.plan.stop?.isCancelled) throw abortedError(this.#facts, when);
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
    if (wait !== undefined) {
      this.context.emit({ type: 'wait', call: this.info, ...wait });
      await new TimeBox(wait.delayMs, this.abort, this.plan.stop).wait();
      this.#requireUnaborted('while waiting to send again');
    }
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
    const isRenewed = await waitFor(renewal, leftMs, this.abort, this.plan.stop).catch(() => false);
    this.#requireUnaborted('while credentials were renewed');
    return isRenewed;
  }
}
