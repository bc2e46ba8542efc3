import type { FanOutCounts } from '../diagnostics/fan-out-counts.js';
import { RtcApiError } from '../errors/rtc-api.error.js';
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
export interface ChunkCompletion {
  readonly counts: Pick<FanOutCounts, 'accepted' | 'rejected' | 'unknown'>;
  readonly requests: number;
  readonly throttled: number;
  /** Recipients that were not sent to and are pending again. */
  readonly rest: readonly string[];
  /** The ledger adds the time. */
  readonly outcome?: Omit<StoredOutcome, 'at'>;
  readonly stop?: DurableFanOutStop;
  /** Whether the service or the quota was unreachable, so that the next try should wait. */
  readonly isUnreachable?: boolean;
}

/**
 * Makes a worker's report about a chunk.
 * @param tally of this chunk with all of its parts
 * @param mayHaveBeenAccepted whether the chunk may have been accepted before. No later refusal can disprove that.
 */
export function completionOf(
  tally: FanOutTally,
  stop: FanOutStop | undefined,
  mayHaveBeenAccepted: boolean,
): ChunkCompletion {
  const { sums, requests, throttled, unaccepted } = tally;
  const { rejected = [], unknown = [], notAttempted = [] } = unaccepted ?? {};
  const [certain, uncertain] = mayHaveBeenAccepted ? [[], [...rejected, ...unknown]] : [rejected, unknown];
  const chunks = tally.chunks
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
    ...(chunks.length > 0 && {
      outcome: {
        chunks,
        ...(certain.length > 0 && { rejected: certain.join() }),
        ...(uncertain.length > 0 && { unknown: uncertain.join() }),
      },
    }),
    ...(stop?.reason === 'refused' && { stop: { reason: 'refused', error: errorRecord(stop.error) } }),
    isUnreachable: stop?.reason === 'unreachable' || stop?.reason === 'quota',
  };
}

/** Of errors from outside the library, only the name is kept. Their message may hold anything. */
export function errorRecord(error: unknown): ErrorRecord {
  if (!(error instanceof RtcMessagingError)) {
    return {
      name: kindOfThrown(error),
      code: 'UNEXPECTED',
      message: 'An error that is not of this library.',
      outcome: 'unknown',
    };
  }
  const { name, code, message, outcome, hint } = error;
  return {
    name,
    code,
    message,
    outcome,
    ...(hint !== undefined && { hint }),
    ...(error instanceof RtcApiError && { apiCode: error.apiCode, httpStatus: error.httpStatus }),
  };
}

/** The error of a fan-out of which Redis has lost a part. */
export const DATA_LOST: ErrorRecord = {
  name: 'DataLostError',
  code: 'DATA_LOST',
  message: 'Redis has lost a part of this fan-out: keys of it were evicted or deleted.',
  outcome: 'unknown',
  hint: 'Give the queue a Redis that evicts nothing (maxmemory-policy noeviction) and keeps what it holds.',
};

/** The error of a chunk whose worker was lost. */
export const WORKER_LOST: ErrorRecord = {
  name: 'WorkerLostError',
  code: 'WORKER_LOST',
  message: 'The worker that sent this chunk was lost before it could tell what became of it.',
  outcome: 'unknown',
  hint: "Whoever must be reached can be sent to again, or the fan-out be enqueued with onUnknown: 'resend'.",
};
