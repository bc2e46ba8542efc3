import type { FanOutCounts } from '../diagnostics/fan-out-counts.js';
import type { Attempt, FailureOutcome, Outcome } from '../errors/attempt.js';
import type { ChunkOutcome, FanOutReport } from './fan-out-report.js';
import { MAX_KEPT_CHUNKS, MAX_KEPT_RECIPIENTS } from './fan-out-request.js';

type Unaccepted = 'rejected' | 'unknown' | 'notAttempted';

/** Adds up what becomes of chunks, and keeps what a report lists, within its limits. */
export class FanOutTally {
  readonly chunks: ChunkOutcome[] = [];
  requests = 0;
  throttled = 0;
  readonly sums = { accepted: 0, rejected: 0, unknown: 0, notAttempted: 0 };
  readonly #kept: Record<Unaccepted, string[]> = { rejected: [], unknown: [], notAttempted: [] };
  #keptCount = 0;
  #truncated = false;

  constructor(
    private readonly keepChunks: boolean,
    private readonly keepRecipients: boolean,
  ) {}

  /** Recipients who need nothing more. */
  get done(): number {
    const { accepted, rejected, unknown, notAttempted } = this.sums;
    return accepted + rejected + unknown + notAttempted;
  }

  add(chunk: ChunkOutcome, recipients: readonly string[]): void {
    this.#sum(chunk.outcome, recipients);
    const needsAttention = chunk.outcome !== 'accepted' || chunk.possibleDuplicate;
    if ((this.keepChunks || needsAttention) && this.chunks.length < MAX_KEPT_CHUNKS) this.chunks.push(chunk);
  }

  /** Recipients who were read, and whom no request was made for. */
  addUnsent(recipients: readonly string[]): void {
    this.#sum('not_attempted', recipients);
  }

  addAttempts(attempts: readonly Attempt[]): void {
    this.requests += attempts.length;
    this.throttled += attempts.filter(({ throttled }) => throttled).length;
  }

  counts(read: { input: number; duplicates: number; invalid: number }): FanOutCounts {
    return { ...read, ...this.sums };
  }

  /** Undefined when they are not kept. */
  get unaccepted(): FanOutReport['unaccepted'] {
    return this.keepRecipients ? { ...this.#kept, truncated: this.#truncated } : undefined;
  }

  #sum(outcome: Outcome | FailureOutcome, recipients: readonly string[]): void {
    const sum = outcome === 'not_attempted' ? 'notAttempted' : outcome;
    this.sums[sum] += recipients.length;
    if (sum === 'accepted' || !this.keepRecipients) return;
    const room = MAX_KEPT_RECIPIENTS - this.#keptCount;
    if (recipients.length > room) this.#truncated = true;
    const kept = recipients.slice(0, room);
    this.#keptCount += kept.length;
    for (const recipient of kept) this.#kept[sum].push(recipient);
  }
}
