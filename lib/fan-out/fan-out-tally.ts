import type { Attempt, FailureOutcome, Outcome } from '../errors/attempt.js';
import type { RtcFanOutInfo, RtcFanOutOutcomeEvent } from '../diagnostics/rtc-event.js';
import type { ChunkOutcome, FanOutFigures, FanOutReport, FanOutStop, Unaccepted } from './fan-out-report.js';
import { MAX_KEPT_CHUNKS, MAX_KEPT_RECIPIENTS } from './fan-out-request.js';

type End = 'rejected' | 'unknown' | 'notAttempted';

/** Adds up the outcomes of chunks, and keeps the report's lists within their limits. */
export class FanOutTally<Item = string, Name = Item> {
  readonly chunks: ChunkOutcome[] = [];
  requests = 0;
  throttled = 0;
  readonly sums = { accepted: 0, rejected: 0, unknown: 0, notAttempted: 0 };
  readonly #kept: Record<End, Name[]> = { rejected: [], unknown: [], notAttempted: [] };
  #keptCount = 0;
  #truncated = false;

  constructor(
    private readonly keepChunks: boolean,
    private readonly keepRecipients: boolean,
    private readonly nameOf: (item: Item) => Name = (item) => item as unknown as Name,
  ) {}

  add(chunk: ChunkOutcome, recipients: readonly Item[]): void {
    this.#sum(chunk.outcome, recipients);
    const needsAttention = chunk.outcome !== 'accepted' || chunk.possibleDuplicate;
    if ((this.keepChunks || needsAttention) && this.chunks.length < MAX_KEPT_CHUNKS) this.chunks.push(chunk);
  }

  /** Counts recipients that were read and not sent to. */
  addUnsent(recipients: readonly Item[]): void {
    this.#sum('not_attempted', recipients);
  }

  addAttempts(attempts: readonly Attempt[]): void {
    this.requests += attempts.length;
    this.throttled += attempts.filter(({ throttled }) => throttled).length;
  }

  /** Undefined when they are not kept. */
  get unaccepted(): Unaccepted<Name> | undefined {
    return this.keepRecipients ? { ...this.#kept, truncated: this.#truncated } : undefined;
  }

  #sum(outcome: Outcome | FailureOutcome, recipients: readonly Item[]): void {
    const sum = outcome === 'not_attempted' ? 'notAttempted' : outcome;
    this.sums[sum] += recipients.length;
    if (sum === 'accepted' || !this.keepRecipients) return;
    const room = MAX_KEPT_RECIPIENTS - this.#keptCount;
    if (recipients.length > room) this.#truncated = true;
    const kept = recipients.slice(0, room);
    this.#keptCount += kept.length;
    for (const recipient of kept) this.#kept[sum].push(this.nameOf(recipient));
  }
}

/** The status of a fan-out that was read and sent to its end. */
export function statusOf({
  input,
  duplicates,
  absent = 0,
  accepted,
  unknown,
}: FanOutReport['counts']): FanOutReport['status'] {
  if (accepted + duplicates + absent === input) return 'accepted';
  return accepted + unknown === 0 ? 'rejected' : 'partial';
}

/** The event of a fan-out's end, whether its process or the queue's workers sent it. */
export function outcomeEvent(
  fanOut: RtcFanOutInfo,
  {
    status,
    counts,
    stop,
    requests,
    throttled,
    elapsedMs,
  }: Omit<FanOutFigures, 'id'> &
    Pick<FanOutReport, 'status'> & { readonly stop?: Pick<FanOutStop, 'reason'> | undefined },
): RtcFanOutOutcomeEvent {
  return {
    type: 'fan_out_outcome',
    fanOut,
    status,
    counts,
    ...(stop !== undefined && { stop: stop.reason }),
    requests,
    throttled,
    durationMs: elapsedMs,
  };
}
