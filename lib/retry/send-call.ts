import type { CredentialsSource } from '../credentials/credentials-source.js';
import type { Observe, RtcCallInfo, RtcRetryReason, RtcWaitEvent } from '../diagnostics/rtc-event.js';
import type { Attempt } from '../errors/attempt.js';
import { RtcQuotaError } from '../errors/rtc-quota.error.js';
import type { AttemptResult } from '../openapi/attempt-result.js';
import type { Cancellation } from '../openapi/cancellation.js';
import type { OpenApiClient } from '../openapi/open-api.client.js';
import type { ServerClock } from '../openapi/server-clock.js';
import { LONGEST_TIMER_MS, TimeBox } from '../openapi/time-box.js';
import { backoffMs } from './backoff.js';
import type { GateLease } from '../quota/gate-registry.js';
import type { Lane, QuotaGate } from '../quota/quota-gate.js';
import { abortedError, type CallFacts, deadlineError, errorOfCall } from './call-error.js';
import { classify, type Remedy, type Verdict } from './classify.js';
import { describeAttempt } from './describe-attempt.js';
import { retryAfterMs } from './retry-after.js';
import type { RetryBudget } from './retry-budget.js';

/** What all calls of a client share. */
export interface SendContext {
  /** The module's name, for events. */
  readonly module: string;
  readonly client: OpenApiClient;
  readonly clock: ServerClock;
  readonly credentials: CredentialsSource;
  readonly budget: RetryBudget;
  readonly gates: GateLease;
  readonly observe: Observe;
  /** The region whose host is called; undefined where an endpoint was given. */
  readonly hostOfRegion?: string | undefined;
  /** Does a call's work where tools that trace it find the call. */
  readonly within: <T>(call: RtcCallInfo, work: () => T) => T;
  /** From 0 to below 1. */
  readonly random: () => number;
}

/** What to do about outcomes that nothing proves: tell them, or send again at the risk of sending twice. */
export type OnUnknown = 'report' | 'resend';

/** What one call may do. Times are in milliseconds. */
export interface CallLimits {
  /** For each attempt. */
  readonly timeoutMs: number;
  /** For the call as a whole. */
  readonly deadlineMs: number;
  readonly maxAttempts: number;
  readonly onUnknown: OnUnknown;
  /**
   * A single send gives up after `maxAttempts`, since someone waits for it; what is part of a bulk is tried until
   * the deadline, as long as nothing of it may have been accepted.
   */
  readonly lane: Lane;
  /**
   * Asked before each attempt, when its slot has come and before a byte of it leaves; the call ends as if it had
   * been stopped unless the answer is yes. For who must write down, elsewhere, what is under way.
   */
  readonly mayBegin?: (() => Promise<boolean>) | undefined;
}

/** What ends a call. The reason tells whether it is the caller or the shutdown that aborts. */
export interface CallControl {
  /** At any moment. Whoever aborts stops too. */
  readonly abort: Cancellation;
  /** Only while no attempt is under way. */
  readonly stop: Cancellation;
}

/** An attempt that is over, what it proves, and which limit it had: `timeoutMs of 5000 ms`. */
interface JudgedAttempt {
  readonly result: AttemptResult;
  readonly verdict: Verdict;
  readonly limit: string;
}

function judge(result: AttemptResult, limit: string): JudgedAttempt {
  return { result, verdict: classify(result.end, result.phase), limit };
}

interface NextAttempt {
  readonly reason: RtcRetryReason;
  readonly wait?: Pick<RtcWaitEvent, 'reason' | 'delayMs'>;
}

/** One call: attempts, and what is done between them, until one is accepted or there is nothing left to try. */
export class SendCall {
  #deadline: number;
  #retries = 0;
  #clockCorrections = 0;
  /** An offset that this call alone tries, see {@link ServerClock}. */
  #triedOffsetMs: number | undefined;
  #credentialsRefreshed = false;

  constructor(
    private readonly context: SendContext,
    private readonly info: RtcCallInfo,
    private readonly body: Buffer,
    private readonly limits: CallLimits,
    private readonly control: CallControl,
    /** Filled as they are made. */
    private readonly attempts: Attempt[],
  ) {
    this.#deadline = performance.now() + limits.deadlineMs;
  }

  /** @returns the accepted request's ID. Rejects with an RtcMessagingError. */
  async run(): Promise<string> {
    let last: JudgedAttempt | undefined;
    for (;;) {
      last = await this.#attempt(last);
      const { result, verdict, limit } = last;
      this.#note(result, verdict);
      const { end } = result;
      if (end.kind === 'answered' && end.reply.kind === 'success' && verdict.outcome === 'accepted') {
        return end.reply.requestId;
      }
      const next = await this.#next(verdict.remedy, result);
      if (next?.wait !== undefined) await this.#wait(next.wait);
      // Nothing is begun that has no time to end.
      if (next === undefined || this.#left() <= 0)
        throw errorOfCall(this.#facts(), result, limit, this.#retryAfterMs(result));
      this.context.observe({
        type: 'retry',
        call: this.info,
        reason: next.reason,
        number: this.attempts.length + 1,
      });
    }
  }

  /**
   * Waits for a slot of the quota, and uses it.
   * @param last the attempt before this one: when the queue is full, the call ends with what came of that
   */
  async #attempt(last: JudgedAttempt | undefined): Promise<JudgedAttempt> {
    const { client, clock, gates } = this.context;
    const { abort } = this.control;
    const before = this.#limit();
    // Waiting, if only for a moment, lets a caller that aborts at once do so before there is an attempt.
    const identity = await client.identify({ timeoutMs: before.ms, cancellation: abort });
    if (typeof identity !== 'string') return judge(identity, before.name);

    const gate = gates.gateFor(identity);
    try {
      await this.#waitForSlot(gate);
    } catch (error) {
      throw last !== undefined && error instanceof RtcQuotaError
        ? errorOfCall(this.#facts(), last.result, last.limit, error.retryAfterMs)
        : error;
    }
    await this.#askLeave();
    const limit = this.#limit();
    const result = await client.attempt(this.info.action, this.body, {
      timeoutMs: limit.ms,
      cancellation: abort,
      clockOffsetMs: this.#triedOffsetMs ?? clock.offsetMs,
    });
    if (result.end.kind === 'answered') gate.observeRoundTrip(result.durationMs);
    const judged = judge(result, limit.name);
    if (judged.verdict.remedy === 'slow_down') gate.quota.throttled(this.#retryAfterMs(result));
    return judged;
  }

  async #waitForSlot(gate: QuotaGate): Promise<void> {
    if (this.control.stop.isCancelled) throw abortedError(this.#facts(), 'while waiting to send');
    const isBulk = this.limits.lane === 'bulk';
    const left = this.#left();
    const ticket = gate.enter(this.limits.lane, left);
    if (ticket === undefined) return;
    const box = new TimeBox(isBulk ? LONGEST_TIMER_MS : Math.max(1, left), this.control.stop);
    const started = performance.now();
    try {
      await box.guard(ticket.granted);
    } catch (error) {
      if (error instanceof RtcQuotaError) throw error;
      ticket.cancel();
      const when = 'while waiting for the quota';
      throw box.interruption === 'timeout'
        ? deadlineError(this.#facts(), `deadlineMs of ${this.limits.deadlineMs} ms`, when)
        : abortedError(this.#facts(), when);
    } finally {
      box.dispose();
    }
    const waitedMs = performance.now() - started;
    // What a bulk waits for its turn says nothing of the service, and is bounded by who sends it.
    if (isBulk) this.#deadline += waitedMs;
    this.context.observe({
      type: 'wait',
      call: this.info,
      reason: 'quota',
      delayMs: Math.round(waitedMs),
    });
  }

  /** The time that this takes is not the service's, so that the deadline is not for it. */
  async #askLeave(): Promise<void> {
    const { mayBegin } = this.limits;
    if (mayBegin === undefined) return;
    const started = performance.now();
    const box = new TimeBox(LONGEST_TIMER_MS, this.control.stop);
    try {
      if (await box.guard(mayBegin())) return;
    } catch {
      // As a no: nothing is sent that is not written down.
    } finally {
      box.dispose();
      this.#deadline += performance.now() - started;
    }
    throw abortedError(this.#facts(), 'before it was sent');
  }

  /** An attempt has what is left of the call, if that is less than an attempt may take. */
  #limit(): { ms: number; name: string } {
    const { timeoutMs, deadlineMs } = this.limits;
    const left = Math.ceil(this.#left());
    return left < timeoutMs
      ? { ms: Math.max(1, left), name: `deadlineMs of ${deadlineMs} ms` }
      : { ms: timeoutMs, name: `timeoutMs of ${timeoutMs} ms` };
  }

  #left(): number {
    return this.#deadline - performance.now();
  }

  #note(result: AttemptResult, verdict: Verdict): void {
    const attempt = describeAttempt(result, verdict);
    this.attempts.push(attempt);
    this.context.observe({ type: 'attempt', call: this.info, number: this.attempts.length, attempt });
    if (verdict.outcome === 'accepted') this.context.budget.earn();
    this.#learnTime(verdict);
  }

  /** Only an acceptance proves an offset that was being tried: a refusal may come before the check of the time. */
  #learnTime({ outcome }: Verdict): void {
    if (this.#triedOffsetMs === undefined || outcome !== 'accepted') return;
    const { module, clock, observe } = this.context;
    if (clock.confirm(this.#triedOffsetMs)) observe({ type: 'clock', module, offsetMs: clock.offsetMs });
    this.#triedOffsetMs = undefined;
  }

  /** Undefined when there is nothing left to try. */
  async #next(remedy: Remedy, result: AttemptResult): Promise<NextAttempt | undefined> {
    switch (remedy) {
      case 'none':
        return undefined;
      case 'correct_clock':
        return this.#correctClock(result) ? { reason: 'clock_corrected' } : undefined;
      case 'refresh_credentials':
        return (await this.#refreshCredentials(result)) ? { reason: 'credentials_refreshed' } : undefined;
      case 'retry':
        return this.#retry(result, result.end.kind === 'answered' ? 'rejected' : 'not_attempted');
      case 'slow_down':
        return this.#retry(result, 'throttled');
      case 'ask_policy':
        return this.limits.onUnknown === 'resend' ? this.#retry(result, 'resend') : undefined;
    }
  }

  /** At most twice: once because another call found the time meanwhile, once by the answer's own `Date`. */
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
    const box = new TimeBox(Math.max(1, this.#left()), this.control.stop);
    try {
      return await box.guard(this.context.credentials.replace(signedWith.credentials));
    } catch {
      if (box.interruption === 'timeout') return false;
      throw abortedError(this.#facts(), 'while credentials were renewed');
    } finally {
      box.dispose();
    }
  }

  #retry(result: AttemptResult, reason: RtcRetryReason): NextAttempt | undefined {
    const { lane, maxAttempts } = this.limits;
    const patient = lane === 'bulk' && reason !== 'resend';
    if (!patient && this.#retries + 1 >= maxAttempts) return undefined;
    const throttled = reason === 'throttled';
    const asked = this.#retryAfterMs(result);
    const delayMs = asked + backoffMs(this.#retries, throttled && lane === 'single', this.context.random);
    // What can't begin in time, and take as long as the last attempt, is told now: a refusal that is certain is
    // better than an attempt that is broken off half way.
    if (delayMs + result.durationMs >= this.#left() || !(patient || this.context.budget.take()))
      return undefined;
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
    this.context.observe({ type: 'wait', call: this.info, ...wait });
    const box = new TimeBox(wait.delayMs, this.control.stop);
    const end = await box.wait();
    box.dispose();
    if (end === 'aborted') throw abortedError(this.#facts(), 'while waiting to send again');
  }

  #facts(): CallFacts {
    const { action } = this.info;
    const { hostOfRegion } = this.context;
    const shuttingDown = this.control.abort.reason === SHUTDOWN;
    return { action, attempts: this.attempts, shuttingDown, hostOfRegion };
  }
}

/** The abort reason of the app's shutdown. */
export const SHUTDOWN = 'shutdown';
