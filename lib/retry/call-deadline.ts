import type { Attempt } from '../errors/attempt.js';

/** How much longer than any of its call before it an attempt may take, at least: what a busy machine may add. */
const SPARE_MS = 100;

/** What time one attempt has, and by which limit: `timeoutMs of 5000 ms`. */
export interface AttemptLimit {
  readonly ms: number;
  readonly name: string;
}

/** How much time a call has, as a whole and for its next attempt. Times are in milliseconds. */
export class CallDeadline {
  #at: number;

  constructor(
    private readonly timeoutMs: number,
    private readonly deadlineMs: number,
  ) {
    this.#at = performance.now() + deadlineMs;
  }

  get leftMs(): number {
    return this.#at - performance.now();
  }

  /** As errors name it. */
  get name(): string {
    return `deadlineMs of ${this.deadlineMs} ms`;
  }

  /** An attempt has what is left of the call, if that is less than an attempt may take. */
  get attemptLimit(): AttemptLimit {
    const { timeoutMs } = this;
    const leftMs = Math.ceil(this.leftMs);
    return leftMs < timeoutMs
      ? { ms: Math.max(1, leftMs), name: this.name }
      : { ms: timeoutMs, name: `timeoutMs of ${timeoutMs} ms` };
  }

  /**
   * What another attempt must have: one that is broken off half way makes an unknown outcome of one that was certain.
   * It may take twice as long as the longest before it. One that found no connection says little by itself.
   */
  neededMs(attempts: readonly Attempt[]): number {
    if (attempts.length === 0) return 0;
    const longest = Math.max(...attempts.map(({ durationMs }) => durationMs));
    return Math.min(this.timeoutMs, longest + Math.max(longest, SPARE_MS));
  }

  /** The time since then was not the service's, so that the deadline is not for it. */
  extendBySince(started: number): void {
    this.#at += performance.now() - started;
  }
}
