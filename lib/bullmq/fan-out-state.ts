import type { FanOutCounts } from '../diagnostics/fan-out-counts.js';
import type { FanOutReport } from '../fan-out/fan-out-report.js';
import { statusOf } from '../fan-out/fan-out-run.js';
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
  /** Chunks that have been given a job. */
  readonly enqueuedChunks: number;
  readonly retentionMs: number;
  readonly maxIdleMs: number;
}

/** @param flat the meta hash, field after value; empty when there is none */
export function readState(flat: readonly string[]): FanOutState | undefined {
  if (flat.length === 0) return undefined;
  const fields = new Map<string, string>();
  for (let at = 0; at + 1 < flat.length; at += 2) fields.set(flat[at] ?? '', flat[at + 1] ?? '');
  const text = (name: string): string => fields.get(name) ?? '';
  const number = (name: string): number => Number(text(name));

  const [input, duplicates, invalid] = [number('input'), number('duplicates'), number('invalid')];
  const [accepted, rejected, unknown] = [number('accepted'), number('rejected'), number('unknown')];
  const isComplete = text('inputClosed') === '1';
  const hasEnded = text('ended') !== '';
  const reason = text('stop') as DurableFanOutStop['reason'] | '';
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
    elapsedMs: Math.max(0, (hasEnded ? number('ended') : number('now')) - number('created')),
    requests: number('requests'),
    throttled: number('throttled'),
    inFlight: number('inflight'),
    storedChunks: number('stored'),
    completedChunks: number('completed'),
    enqueuedChunks: number('enqueued'),
    retentionMs: number('retention'),
    maxIdleMs: number('maxAge'),
  };
}

function stopOf(
  reason: DurableFanOutStop['reason'] | '',
  error: string,
  isCutShort: boolean,
): DurableFanOutStop | undefined {
  if (reason === '') return isCutShort ? { reason: 'source' } : undefined;
  return { reason, ...(error !== '' && { error: JSON.parse(error) as ErrorRecord }) };
}
