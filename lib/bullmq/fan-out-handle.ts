import { setTimeout as sleep } from 'node:timers/promises';
import { RtcAbortedError } from '../errors/rtc-aborted.error.js';
import { RtcTimeoutError } from '../errors/rtc-timeout.error.js';
import { RtcValidationError } from '../errors/rtc-validation.error.js';
import { MAX_KEPT_CHUNKS, MAX_KEPT_RECIPIENTS } from '../fan-out/fan-out-request.js';
import { ProgressMeter } from '../fan-out/progress-meter.js';
import { checkCallOptions } from '../options/check-call-options.js';
import type { OptionTable } from '../options/option-table.js';
import { abortSignal, milliseconds } from '../options/rules.js';
import { HiddenParts } from '../privacy/hidden-parts.js';
import { Interrupted, LONGEST_TIMER_MS, TimeBox } from '../waiting/time-box.js';
import type { ChunkJobs } from './chunk-jobs.js';
import { type StoredOutcome, WORKER_LOST } from './chunk-completion.js';
import type {
  DurableChunkOutcome,
  DurableFanOutProgress,
  DurableFanOutReport,
  UnacceptedRecipient,
} from './durable-fan-out.js';
import type { FanOutLedger } from './fan-out-ledger.js';
import type { FanOutState } from './fan-out-state.js';

/** Options of `result()`. */
export interface ResultOptions {
  /** Ends the wait, even while Redis is unavailable. The fan-out goes on. */
  readonly signal?: AbortSignal | undefined;
  /** Time limit of the wait, in milliseconds, also while Redis is unavailable: 1–2,147,483,647. Default: no limit. */
  readonly timeoutMs?: number | undefined;
}

const RESULT_OPTIONS = {
  signal: abortSignal,
  timeoutMs: milliseconds(1, LONGEST_TIMER_MS),
} satisfies OptionTable<ResultOptions>;

/** Poll intervals in milliseconds: short at first, for short fan-outs. */
const FIRST_POLL_MS = 20;
const LAST_POLL_MS = 250;

const hidden = new HiddenParts<{
  readonly ledger: FanOutLedger;
  readonly jobs: ChunkJobs;
  meter: ProgressMeter | undefined;
}>();

/**
 * A handle on a durable fan-out, from any process. Every call asks Redis. It rejects with the error of Redis's client,
 * with an `RtcValidationError` if the fan-out is gone, or with an `RtcAbortedError` once the app has shut down.
 */
export class FanOutHandle {
  /** @internal */
  constructor(
    /** ID of the fan-out: the caller's, or a UUID. */
    readonly id: string,
    ledger: FanOutLedger,
    jobs: ChunkJobs,
  ) {
    hidden.set(this, { ledger, jobs, meter: undefined });
  }

  /** Returns the progress. The rate covers the last five seconds of this handle's calls, and is 0 at first. */
  async progress(): Promise<DurableFanOutProgress> {
    const { counts, state, total, elapsedMs, requests, throttled, inFlight } = await ask(this, 'look');
    const done = counts.input - counts.notAttempted;
    const meter = (hidden.of(this).meter ??= new ProgressMeter(done));
    return {
      id: this.id,
      state,
      counts,
      done,
      ...(total !== undefined && { total }),
      elapsedMs,
      ...meter.measure(done, total),
      requests,
      throttled,
      inFlight,
    };
  }

  /**
   * Waits for the end, and returns the report.
   * @throws RtcValidationError when an option violates a rule
   * @throws RtcTimeoutError, RtcAbortedError when the wait ended first. The fan-out goes on.
   */
  async result(options: ResultOptions = {}): Promise<DurableFanOutReport> {
    const { signal, timeoutMs } = checkCallOptions(RESULT_OPTIONS, options);
    const box = new TimeBox(timeoutMs ?? Infinity, signal);
    try {
      for (let pause = FIRST_POLL_MS; ; pause = Math.min(LAST_POLL_MS, pause * 1.5)) {
        const state = await box.guard(() => ask(this, 'look'));
        if (state.state === 'ended') return await box.guard(() => reportOf(this, state));
        await box.guard(() => sleep(pause));
      }
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      if (error.by === 'aborted') {
        throw new RtcAbortedError(`Waiting for fan-out ${this.id} was aborted. It goes on.`, {
          outcome: 'unknown',
        });
      }
      throw new RtcTimeoutError(`Fan-out ${this.id} has not ended within ${timeoutMs} ms. It goes on.`, {
        outcome: 'unknown',
      });
    } finally {
      box.dispose();
    }
  }

  /**
   * Stops the fan-out. Requests in flight finish. The rest is reported as `notAttempted`.
   * @returns false if it had already ended
   */
  async cancel(): Promise<boolean> {
    const { result, ready } = await ask(this, 'cancel');
    await hidden.of(this).jobs.addReady(this.id, ready);
    return result !== 'ended';
  }

  /**
   * Continues with recipients that were not attempted, after `cancel()` or after the cause of the service's refusal was
   * fixed. If the source was not enqueued to its end, enqueue it again under its ID for the rest.
   */
  async resume(): Promise<void> {
    const { ready } = await ask(this, 'resume');
    await hidden.of(this).jobs.addMissing(this.id, ready);
  }

  /**
   * Recipients that were not accepted so far: rejected, unknown and, after the end, not attempted. In no order. Memory
   * holds one page at a time.
   */
  async *unaccepted(): AsyncGenerator<UnacceptedRecipient, void, undefined> {
    const { ledger } = hidden.of(this);
    const { state } = await ask(this, 'look');
    for await (const [, json] of ledger.outcomes(this.id)) {
      const { rejected = '', unknown = '' } = JSON.parse(json) as StoredOutcome;
      for (const userId of split(rejected)) yield { userId, outcome: 'rejected' };
      for (const userId of split(unknown)) yield { userId, outcome: 'unknown' };
    }
    if (state !== 'ended') return;
    for await (const index of ledger.openChunks(this.id)) {
      for (const userId of await ledger.recipients(this.id, index))
        yield { userId, outcome: 'not_attempted' };
    }
  }
}

async function ask(handle: FanOutHandle, step: 'look' | 'cancel' | 'resume') {
  const state = await hidden.of(handle).ledger[step](handle.id);
  if (state !== undefined) return state;
  const message = `${handle.id} names no fan-out: there was none, or it has expired`;
  throw new RtcValidationError([{ path: 'id', message }]);
}

async function reportOf(
  handle: FanOutHandle,
  { counts, status, stop, elapsedMs, requests, throttled }: FanOutState,
): Promise<DurableFanOutReport> {
  const { ledger } = hidden.of(handle);
  return {
    id: handle.id,
    status,
    counts,
    ...(stop !== undefined && { stop }),
    chunks: await reportedChunks(handle.id, ledger),
    invalid: await ledger.invalid(handle.id),
    unaccepted: await keptRecipients(handle),
    elapsedMs,
    requests,
    throttled,
  };
}

async function reportedChunks(id: string, ledger: FanOutLedger): Promise<DurableChunkOutcome[]> {
  const listed: { readonly at: number; readonly chunk: DurableChunkOutcome }[] = [];
  for await (const [index, json] of ledger.outcomes(id)) {
    const { chunks, at } = JSON.parse(json) as StoredOutcome;
    for (const { lost, ...chunk } of chunks) {
      listed.push({ at, chunk: { index, ...chunk, ...(lost === true && { error: WORKER_LOST }) } });
    }
    if (listed.length >= MAX_KEPT_CHUNKS) break;
  }
  listed.sort((a, b) => a.at - b.at || a.chunk.index - b.chunk.index);
  return listed.slice(0, MAX_KEPT_CHUNKS).map(({ chunk }) => chunk);
}

async function keptRecipients(handle: FanOutHandle): Promise<NonNullable<DurableFanOutReport['unaccepted']>> {
  const kept = { rejected: [] as string[], unknown: [] as string[], notAttempted: [] as string[] };
  let count = 0;
  for await (const { userId, outcome } of handle.unaccepted()) {
    if (count === MAX_KEPT_RECIPIENTS) return { ...kept, truncated: true };
    count += 1;
    kept[outcome === 'not_attempted' ? 'notAttempted' : outcome].push(userId);
  }
  return { ...kept, truncated: false };
}

function split(joined: string): readonly string[] {
  return joined === '' ? [] : joined.split(',');
}
