import { setTimeout as sleep } from 'node:timers/promises';
import type { CredentialsSource } from '../credentials/credentials-source.js';
import type { Observe, RtcCallInfo, RtcRetryReason, RtcWaitEvent } from '../diagnostics/rtc-event.js';
import type { Attempt } from '../errors/attempt.js';
import type { AttemptResult } from '../openapi/attempt-result.js';
import type { OpenApiClient } from '../openapi/open-api.client.js';
import type { ServerClock } from '../openapi/server-clock.js';
import { TimeBox } from '../openapi/time-box.js';
import { backoffMs } from './backoff.js';
import { abortedError, type CallFacts, errorOfCall } from './call-error.js';
import { classify, type Remedy, type Verdict } from './classify.js';
import { describeAttempt } from './describe-attempt.js';
import { retryAfterMs } from './retry-after.js';
import type { RetryBudget } from './retry-budget.js';

/** What all calls of a client share. */
export interface SendContext {
  readonly client: OpenApiClient;
  readonly clock: ServerClock;
  readonly credentials: CredentialsSource;
  readonly budget: RetryBudget;
  readonly observe: Observe;
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
}

interface NextAttempt {
  readonly reason: RtcRetryReason;
  readonly wait?: Pick<RtcWaitEvent, 'reason' | 'delayMs'>;
}

/** One call: attempts, and what is done between them, until one is accepted or there is nothing left to try. */
export class SendCall {
  readonly attempts: Attempt[] = [];
  readonly #deadline: number;
  #retries = 0;
  #clockCorrections = 0;
  /** An offset that this call alone tries, see {@link ServerClock}. */
  #triedOffsetMs: number | undefined;
  #credentialsRefreshed = false;

  /** @param signal ends the call; its reason tells whether the caller or the shutdown is what aborts */
  constructor(
    private readonly context: SendContext,
    private readonly info: RtcCallInfo,
    private readonly body: Buffer,
    private readonly limits: CallLimits,
    private readonly signal: AbortSignal,
  ) {
    this.#deadline = performance.now() + limits.deadlineMs;
  }

  /** @returns the accepted request's ID. Rejects with an RtcMessagingError. */
  async run(): Promise<string> {
    for (;;) {
      const limit = this.#limit();
      const result = await this.context.client.attempt(this.info.action, this.body, {
        timeoutMs: limit.ms,
        signal: this.signal,
        clockOffsetMs: this.#triedOffsetMs ?? this.context.clock.offsetMs,
      });
      const verdict = classify(result.end, result.phase);
      this.#note(result, verdict);
      if (
        result.end.kind === 'answered' &&
        result.end.reply.kind === 'success' &&
        verdict.outcome === 'accepted'
      ) {
        return result.end.reply.requestId;
      }
      const next = await this.#next(verdict.remedy, result);
      if (next === undefined) throw errorOfCall(this.#facts(limit.name), result);
      if (next.wait !== undefined) await this.#wait(next.wait);
      this.context.observe({
        type: 'retry',
        call: this.info,
        reason: next.reason,
        number: this.attempts.length + 1,
      });
    }
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
    const attempt = describeAttempt(result, verdict.outcome);
    this.attempts.push(attempt);
    this.context.observe({ type: 'attempt', call: this.info, number: this.attempts.length, attempt });
    if (verdict.outcome === 'accepted') this.context.budget.earn();
    this.#learnTime(verdict);
  }

  /** Whatever the service says after looking at the time proves an offset that was being tried. */
  #learnTime({ outcome, remedy }: Verdict): void {
    if (this.#triedOffsetMs === undefined || remedy === 'correct_clock') return;
    if (outcome !== 'accepted' && outcome !== 'rejected') return;
    const { clock, observe } = this.context;
    if (clock.confirm(this.#triedOffsetMs)) observe({ type: 'clock', offsetMs: clock.offsetMs });
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
    if (this.#triedOffsetMs !== undefined) clock.refute(this.#triedOffsetMs);
    if (end.kind !== 'answered' || signedWith === undefined || this.#triedOffsetMs !== undefined)
      return false;
    this.#clockCorrections += 1;
    if (this.#clockCorrections > 2 || this.#left() <= 0) return false;
    if (clock.isOutdated(signedWith.clockOffsetMs)) return true;
    this.#triedOffsetMs = clock.propose(signedWith.clockOffsetMs, end.date);
    return this.#triedOffsetMs !== undefined;
  }

  async #refreshCredentials({ signedWith }: AttemptResult): Promise<boolean> {
    if (this.#credentialsRefreshed || signedWith === undefined) return false;
    this.#credentialsRefreshed = true;
    const box = new TimeBox(Math.max(1, this.#left()), this.signal);
    try {
      return await box.guard(this.context.credentials.replace(signedWith.credentials));
    } catch {
      if (box.interruption === 'timeout') return false;
      throw abortedError(this.#facts(''), 'while credentials were renewed');
    } finally {
      box.dispose();
    }
  }

  #retry({ end }: AttemptResult, reason: RtcRetryReason): NextAttempt | undefined {
    if (this.#retries + 1 >= this.limits.maxAttempts) return undefined;
    const throttled = reason === 'throttled';
    const backoff = backoffMs(this.#retries, throttled, this.context.random);
    const asked =
      end.kind === 'answered' ? retryAfterMs(end.retryAfter, end.date, this.context.clock.now()) : 0;
    const delayMs = asked + backoff;
    // What can't begin in time is told now, rather than after a wait for nothing.
    if (delayMs >= this.#left() || !this.context.budget.take()) return undefined;
    this.#retries += 1;
    return {
      reason,
      wait: { reason: asked > 0 ? 'retry_after' : throttled ? 'throttled' : 'backoff', delayMs },
    };
  }

  async #wait(wait: NonNullable<NextAttempt['wait']>): Promise<void> {
    this.context.observe({ type: 'wait', call: this.info, ...wait });
    try {
      await sleep(wait.delayMs, undefined, { signal: this.signal });
    } catch {
      throw abortedError(this.#facts(''), 'while waiting to send again');
    }
  }

  #facts(limit: string): CallFacts {
    const { action } = this.info;
    return { action, attempts: this.attempts, limit, shuttingDown: this.signal.reason === SHUTDOWN };
  }
}

/** The abort reason of the app's shutdown. */
export const SHUTDOWN = 'shutdown';
