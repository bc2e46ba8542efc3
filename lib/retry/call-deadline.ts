import type { Attempt } from '../errors/attempt.js';
import type { CallPlan } from './call-policy.js';

/** An attempt may take at least this much longer than the longest attempt of its call, for a busy machine. */
const SPARE_MS = 100;

/** The time limits of a call and of its next attempt, in milliseconds. */
export class CallDeadline {
  #at: number;

  constructor(
    private readonly plan: Pick<CallPlan, 'timeoutMs' | 'deadlineMs'>,
    /** Of the call so far. */
    private readonly attempts: readonly Attempt[],
  ) {
    this.#at = performance.now() + plan.deadlineMs;
  }

  get leftMs(): number {
    return this.#at - performance.now();
  }

  /** The limit as errors name it. */
  get name(): string {
    return `deadlineMs of ${this.plan.deadlineMs} ms`;
  }

  /**
   * Limit of the next attempt: `timeoutMs`, or the rest of the call if that is shorter. `name` is the option that sets
   * it: `timeoutMs of 5000 ms`.
   */
  get attemptLimit(): { readonly ms: number; readonly name: string } {
    const { timeoutMs } = this.plan;
    const leftMs = Math.ceil(this.leftMs);
    return leftMs < timeoutMs
      ? { ms: Math.max(1, leftMs), name: this.name }
      : { ms: timeoutMs, name: `timeoutMs of ${timeoutMs} ms` };
  }

  /**
   * Least time for another attempt: twice the longest attempt before it. An attempt that runs out of time half way
   * would turn a certain outcome into an unknown one.
   */
  get neededMs(): number {
    if (this.attempts.length === 0) return 0;
    const longest = Math.max(...this.attempts.map(({ durationMs }) => durationMs));
    return Math.min(this.plan.timeoutMs, longest + Math.max(longest, SPARE_MS));
  }

  /** Extends the deadline by the time since `started`, which the service did not use. */
  extendBySince(started: number): void {
    this.#at += performance.now() - started;
  }
}
