import type { FanOutCounts } from '../diagnostics/fan-out-counts.js';
import type { FanOutReport } from '../fan-out/fan-out-report.js';
import { statusOf } from '../fan-out/fan-out-run.js';
import { DATA_LOST } from './chunk-completion.js';
import type { DurableFanOutProgress, DurableFanOutStop, ErrorRecord } from './durable-fan-out.js';

/** A fan-out as it stands in Redis. */
export interface FanOutState {
  readonly counts: FanOutCounts;
  readonly state: DurableFanOutProgress['state'];
  /** Once it has ended. */
  readonly status: FanOutReport['status'];
  /** Whether its source was stored to its end. */
  readonly isComplete: boolean;
  readonly stop: DurableFanOutStop | undefined;
  readonly total: number | undefined;
  /** ISO 8601, by Redis's clock. */
  readonly startedAt: string;
  readonly elapsedMs: number;
  /** Whether a worker has emitted its beginning as an event. */
  readonly isBeginEmitted: boolean;
  readonly requests: number;
  readonly throttled: number;
  readonly inFlight: number;
  readonly storedChunks: number;
  readonly completedChunks: number;
  readonly ready: ReadyJobs;
}

/** What should have a job by now, and may not have one. */
export interface ReadyJobs {
  /** The first of the chunks. Those before it have been given a job. */
  readonly from: number;
  /** The first chunk after them. */
  readonly to: number;
  /** The fan-out has ended, and no worker has emitted that as an event. */
  readonly isEndReady?: true;
}

/** A fan-out as the ledger's scripts answer: the fields of its meta hash, and Redis's time. */
export interface FanOutAnswer {
  readonly fields: Readonly<Partial<Record<string, string>>>;
  readonly now: number;
  readonly ready: ReadyJobs;
}

export function readState({ fields, now, ready }: FanOutAnswer): FanOutState {
  const text = (name: string): string => fields[name] ?? '';
  const number = (name: string): number => Number(text(name));

  const [input, duplicates, invalid] = [number('input'), number('duplicates'), number('invalid')];
  const [accepted, rejected, unknown] = [number('accepted'), number('rejected'), number('unknown')];
  const isComplete = text('inputClosed') === '1';
  const hasEnded = text('ended') !== '';
  const reason = text('stop') as StopReason;
  const notAttempted = input - duplicates - invalid - accepted - rejected - unknown;
  const counts = { input, duplicates, invalid, accepted, rejected, unknown, notAttempted };
  return {
    counts,
    // A stop that came when everything was done has left no one out.
    status: isComplete && notAttempted === 0 ? statusOf(counts) : 'aborted',
    state: hasEnded ? 'ended' : reason !== '' ? 'stopping' : isComplete ? 'running' : 'enqueuing',
    isComplete,
    stop: stopOf(reason, text('stopError'), hasEnded && !isComplete),
    total: isComplete ? input : text('total') === '' ? undefined : number('total'),
    startedAt: new Date(number('created')).toISOString(),
    isBeginEmitted: text('beginEmittedBy') !== '',
    // Redis's clock may have been set back since.
    elapsedMs: Math.max(0, (hasEnded ? number('ended') : now) - number('created')),
    requests: number('requests'),
    throttled: number('throttled'),
    inFlight: number('inflight'),
    storedChunks: number('stored'),
    completedChunks: number('completed'),
    ready,
  };
}

/** Why the ledger has stopped it. */
type StopReason = DurableFanOutStop['reason'] | 'lost' | '';

function stopOf(reason: StopReason, error: string, isCutShort: boolean): DurableFanOutStop | undefined {
  if (reason === '') return isCutShort ? { reason: 'source' } : undefined;
  if (reason === 'lost') return { reason: 'refused', error: DATA_LOST };
  return { reason, ...(error !== '' && { error: JSON.parse(error) as ErrorRecord }) };
}
