import type { FanOutCounts } from '../diagnostics/fan-out-counts.js';
import { statusOf } from '../fan-out/fan-out-tally.js';
import type { Dedupe } from '../fan-out/recipient-chunks.js';
import type { DurableFanOutProgress, DurableFanOutStop, ErrorRecord } from './durable-fan-out.js';

/** What should have a job by now, and may not have one. */
export interface ReadyJobs {
  /** The first of the chunks. Those before it have been given a job. */
  readonly from: number;
  /** The first chunk after them. */
  readonly to: number;
  /** The fan-out has ended, and no worker has emitted that as an event. */
  readonly isEndReady?: true;
}

/** The answer of each script of the ledger. */
export interface StepAnswer<Result, More = unknown> {
  readonly result: Result | 'gone';
  /** Of the meta hash. */
  readonly fields: Readonly<Partial<Record<string, string>>>;
  /** Redis's time, in milliseconds since 1970. */
  readonly now: number;
  readonly ready: ReadyJobs;
  readonly more?: More;
}

/** A fan-out as it stands in Redis. */
export type FanOutState = ReturnType<typeof readState>;

export function readState({ fields, now, ready }: Pick<StepAnswer<unknown>, 'fields' | 'now' | 'ready'>) {
  const text = (name: string): string => fields[name] ?? '';
  const number = (name: string): number => Number(text(name));

  const [input, duplicates, invalid] = [number('input'), number('duplicates'), number('invalid')];
  const [accepted, rejected, unknown] = [number('accepted'), number('rejected'), number('unknown')];
  const isComplete = text('inputClosed') === '1';
  const hasEnded = text('ended') !== '';
  const reason = text('stop') as StopReason;
  const notAttempted = input - duplicates - invalid - accepted - rejected - unknown;
  const counts: FanOutCounts = { input, duplicates, invalid, accepted, rejected, unknown, notAttempted };
  const isRunning = !hasEnded && reason === '';
  const state: DurableFanOutProgress['state'] = hasEnded
    ? 'ended'
    : !isRunning
      ? 'stopping'
      : isComplete
        ? 'running'
        : 'enqueuing';
  return {
    counts,
    state,
    /** Whether chunks are to be sent. */
    isRunning,
    /** Once it has ended. A stop that came when everything was done has left no one out. */
    status: isComplete && notAttempted === 0 ? statusOf(counts) : ('aborted' as const),
    /** Whether its source was stored to its end. */
    isComplete,
    stop: stopOf(reason, text('stopError'), hasEnded && !isComplete),
    total: isComplete ? input : text('total') === '' ? undefined : number('total'),
    /** ISO 8601, by Redis's clock. */
    startedAt: new Date(number('created')).toISOString(),
    // Redis's clock may have been set back since.
    elapsedMs: Math.max(0, (hasEnded ? number('ended') : now) - number('created')),
    /** Token of the worker that has emitted its beginning as an event, or ''. */
    beginEmittedBy: text('beginEmittedBy'),
    requests: number('requests'),
    throttled: number('throttled'),
    inFlight: number('inflight'),
    chunkSize: number('chunkSize'),
    dedupe: text('dedupe') as Dedupe,
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

/** The error of a fan-out of which Redis has lost a part. */
const DATA_LOST: ErrorRecord = {
  name: 'DataLostError',
  code: 'DATA_LOST',
  message: 'Redis has lost a part of this fan-out: keys of it were evicted or deleted.',
  outcome: 'unknown',
  hint: 'Give the queue a Redis that evicts nothing (maxmemory-policy noeviction) and keeps what it holds.',
};
