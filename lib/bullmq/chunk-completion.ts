import type { FanOutCounts } from '../diagnostics/fan-out-counts.js';
import type { RtcApiError } from '../errors/rtc-api.error.js';
import { RtcMessagingError } from '../errors/rtc-messaging.error.js';
import { kindOfThrown } from '../errors/thrown.js';
import type { FanOutStop } from '../fan-out/fan-out-report.js';
import type { FanOutTally } from '../fan-out/fan-out-tally.js';
import type { DurableChunkOutcome, DurableFanOutStop, ErrorRecord } from './durable-fan-out.js';

/** Stored outcome of a chunk that was not simply accepted. Recipients are joined by commas. */
export interface StoredOutcome {
  readonly chunks: readonly (Omit<DurableChunkOutcome, 'index'> & { readonly lost?: boolean })[];
  readonly rejected?: string;
  readonly unknown?: string;
  /** Milliseconds since 1970, on Redis's clock. */
  readonly at: number;
}

/** Completion of a chunk, as its worker reports it to the ledger. */
export interface ChunkCompletion extends Pick<FanOutTally, 'requests' | 'throttled'> {
  readonly counts: Pick<FanOutCounts, 'accepted' | 'rejected' | 'unknown'>;
  /** Recipients that were not sent to and are pending again. */
  readonly rest: readonly string[];
  /** A {@link StoredOutcome} as JSON: it may contain any text. The ledger adds the time. */
  readonly outcome?: string;
  /** Why the fan-out is stopped, with an {@link ErrorRecord} as JSON. */
  readonly stop?: { readonly reason: DurableFanOutStop['reason']; readonly error: string };
}

/**
 * Makes a worker's report about a chunk.
 * @param tally of this chunk with all of its parts
 * @param mayHaveBeenAccepted whether the chunk may have been accepted before. No later refusal can disprove that.
 */
export function completionOf(
  { sums, requests, throttled, unaccepted, chunks }: FanOutTally,
  stop: FanOutStop | undefined,
  mayHaveBeenAccepted: boolean,
): ChunkCompletion {
  const { rejected = [], unknown = [], notAttempted = [] } = unaccepted ?? {};
  const [certain, uncertain] = mayHaveBeenAccepted ? [[], [...rejected, ...unknown]] : [rejected, unknown];
  const sent = chunks
    .filter(({ outcome }) => outcome !== 'not_attempted')
    .map(({ index: _index, error, ...chunk }) => ({
      ...chunk,
      ...(mayHaveBeenAccepted && { possibleDuplicate: true }),
      ...(mayHaveBeenAccepted && chunk.outcome === 'rejected' && { outcome: 'unknown' as const }),
      ...(error !== undefined && { error: errorRecord(error) }),
    }));
  return {
    counts: { accepted: sums.accepted, rejected: certain.length, unknown: uncertain.length },
    requests,
    throttled,
    rest: notAttempted,
    ...(sent.length > 0 && {
      outcome: JSON.stringify({ chunks: sent, rejected: certain.join(), unknown: uncertain.join() }),
    }),
    ...(stop?.reason === 'refused' && {
      stop: { reason: 'refused', error: JSON.stringify(errorRecord(stop.error)) },
    }),
  };
}

/** An {@link ErrorRecord}. Of errors from outside the library, only the name is kept. Their message may hold anything. */
function errorRecord(error: unknown): object {
  if (!(error instanceof RtcMessagingError)) {
    const message = 'An error that is not of this library.';
    return { name: kindOfThrown(error), code: 'UNEXPECTED', message, outcome: 'unknown' };
  }
  const { name, code, message, outcome, hint } = error;
  const { apiCode, httpStatus } = error as Partial<RtcApiError>;
  return { name, code, message, outcome, hint, apiCode, httpStatus };
}

/** The error of a chunk whose worker was lost. */
export const WORKER_LOST: ErrorRecord = {
  name: 'WorkerLostError',
  code: 'WORKER_LOST',
  message: 'The worker that sent this chunk was lost before it could tell what became of it.',
  outcome: 'unknown',
  hint: "Whoever must be reached can be sent to again, or the fan-out be enqueued with onUnknown: 'resend'.",
};
