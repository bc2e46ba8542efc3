import { randomUUID } from 'node:crypto';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import {
  type BeforeApplicationShutdown,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { type Job, WaitingError, Worker } from 'bullmq';
import { idProblem } from '../dto/field-rules.js';
import type { ChunkProgress, ChunkSenders } from '../fan-out/chunk-sender.js';
import { type FanOutStop, outcomeEvent } from '../fan-out/fan-out-report.js';
import { FanOutTally } from '../fan-out/fan-out-tally.js';
import type { RtcFanOutInfo } from '../diagnostics/rtc-event.js';
import { Cancellation } from '../waiting/cancellation.js';
import { type ChunkJobs, type ChunkJobData, END } from './chunk-jobs.js';
import { type ChunkCompletion, completionOf } from './chunk-completion.js';
import type { ClaimedChunk, FanOutLedger } from './fan-out-ledger.js';
import type { ReadyJobs } from './fan-out-state.js';
import type { FanOutQueueSettings } from './fan-out-queue-settings.js';
import { keepTrying } from './keep-trying.js';
import type { RedisHolder } from './redis-holder.js';
import { sweepLedger } from './sweep-ledger.js';

/** A chunk that was left behind is completed at its next run, so that no job can stall for ever. */
const MAX_STALLED = 1_000_000;
/** How long BullMQ pauses after Redis failed it. Its default, 15 s, is longer than most outages, and per chunk. */
const RECONNECT_PAUSE_MS = 500;
/**
 * How long BullMQ waits for a job in one command, in seconds. It gives up a connection that is silent for a second
 * longer.
 */
const WAIT_FOR_JOB_S = 0.5;
/** How long a chunk waits at most before it is tried again, while the service can't be reached. */
const MAX_DELAY_MS = 30_000;
const FIRST_DELAY_MS = 500;
/** Result of a job whose fan-out was stopped before its chunk was sent. If that goes on, the chunk needs a new job. */
const LEFT_OPEN = 'left open';
/** BullMQ's errors about a job, such as `Missing key for job some-id.0. moveToFinished`. */
const JOB_ERROR = /^(.*) for job (\S+)\.(-?\d+)\b/;

/**
 * Sends the chunks whose jobs it gets of BullMQ. It has a worker of BullMQ's own, and not one of `@nestjs/bullmq`, which
 * waits at the shutdown for a connection that may be lost.
 */
export class ChunkWorker implements OnApplicationBootstrap, OnModuleDestroy, BeforeApplicationShutdown {
  readonly #logger = new Logger('RtcFanOutQueue');
  readonly #stopping = new AbortController();
  readonly #stop = new Cancellation();
  /** The runs of jobs here, by chunk. */
  readonly #runs = new Map<string, Promise<unknown>>();
  #worker: Worker<ChunkJobData> | undefined;
  #sending = 0;

  constructor(
    private readonly queueName: string,
    private readonly settings: FanOutQueueSettings,
    private readonly redis: RedisHolder,
    private readonly ledger: FanOutLedger,
    private readonly jobs: ChunkJobs,
    private readonly senders: ChunkSenders,
  ) {}

  /** Not before the whole app is there. */
  onApplicationBootstrap(): void {
    const { prefix, concurrency, lostAfterMs } = this.settings;
    const worker = new Worker<ChunkJobData>(this.queueName, (job, token) => this.#process(job, token), {
      connection: this.redis.client(),
      prefix,
      concurrency,
      lockDuration: lostAfterMs,
      stalledInterval: Math.ceil(lostAfterMs / 2),
      maxStalledCount: MAX_STALLED,
      runRetryDelay: RECONNECT_PAUSE_MS,
      drainDelay: WAIT_FOR_JOB_S,
    });
    worker.on('error', (error) => void this.#note(error));
    // Only after the job is gone from Redis: until then, Redis refuses a second one for its chunk.
    worker.on('completed', ({ data }, result) => {
      if (result === LEFT_OPEN) void this.#giveJob(data);
    });
    worker.on('failed', (job) => {
      if (isChunkJob(job?.data)) setTimeout(() => void this.#giveJob(job.data), FIRST_DELAY_MS).unref();
    });
    this.#worker = worker;
    void sweepLedger(this.ledger, this.jobs, lostAfterMs, this.#stopping.signal, (error) =>
      this.redis.note(error),
    );
  }

  /**
   * Accepts no more jobs. Requests in flight finish, and waiting chunks are returned. It happens in the first hook:
   * later jobs would have less time, and are refused from the second hook on.
   */
  onModuleDestroy(): void {
    this.#stopping.abort();
    this.#stop.cancel();
    this.#worker?.pause(true).catch(() => undefined);
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.redis.finish(this.#idle(), () => this.#sending > 0);
    // Waiting for its connections would take for ever if one of them was lost.
    await this.#worker?.close(true);
  }

  /** Resolves when no job is left here, and Redis has answered what BullMQ told it of the last one. */
  async #idle(): Promise<void> {
    do {
      await Promise.all(this.#runs.values());
      await setImmediate();
      await this.redis.client().ping();
      await setImmediate();
    } while (this.#runs.size > 0);
  }

  /**
   * BullMQ gives a job once more when its lock could not be renewed in time, which Redis may be to blame for. If
   * the run that has lost it goes on here, it knows, or will know, what became of the chunk.
   */
  async #process(job: Job<ChunkJobData>, token?: string): Promise<string | undefined> {
    // Someone else's job.
    if (!isChunkJob(job.data)) return undefined;
    const chunk = `${job.data.id}.${job.data.index}`;
    const earlier = this.#runs.get(chunk) ?? Promise.resolve();
    const run = earlier.then(() => this.#run(job, token));
    const ended = run.catch(() => undefined);
    this.#runs.set(chunk, ended);
    try {
      return await run;
    } finally {
      if (this.#runs.get(chunk) === ended) this.#runs.delete(chunk);
    }
  }

  async #run(job: Job<ChunkJobData>, token: string | undefined): Promise<string | undefined> {
    const { ledger } = this;
    const { host } = this.senders;
    const { signal } = this.#stopping;
    const { id, index } = job.data;
    if (signal.aborted) return await giveBack(job, token);
    const fence = `${job.timestamp}.${job.attemptsStarted}.${randomUUID()}`;
    if (index === END) return this.#emitEnd(id, fence);
    const claimed = await ledger.claim(id, index, fence);
    if (claimed.result !== 'send') {
      await this.#goOn(id, fence, claimed.ready);
      return claimed.result === 'stopped' ? LEFT_OPEN : undefined;
    }
    const fanOut = this.#fanOutInfo(id, claimed.chunk);
    if (claimed.chunk.isFirst) host.emit({ type: 'fan_out_begin', fanOut });
    let isRefused = false;
    const completion = await this.#send(fanOut, index, claimed.chunk, async (part) => {
      const mayBeSent = await ledger.start(id, index, fence, part);
      isRefused = !mayBeSent;
      return mayBeSent;
    });
    const { result, ready } = await this.#complete(job.data, fence, completion);
    if (result === 'gone') this.redis.reportLoss();
    if (result === 'fenced') {
      this.#logger.warn(
        `Fan-out ${id}, chunk ${index}: this worker counted as lost while it sent; the chunk was completed ` +
          'without it.',
      );
    }
    await this.#goOn(id, fence, ready);
    if (result !== 'returned') return undefined;
    if (completion.stop !== undefined) return LEFT_OPEN;
    // What the ledger refused to send, since it was stopped, is not sent at the next run either.
    if (!isRefused)
      await sleep(delayMs(job, completion), undefined, { ref: false, signal }).catch(() => undefined);
    return await giveBack(job, token);
  }

  async #goOn(id: string, token: string, ready: ReadyJobs): Promise<void> {
    await (ready.isEndReady ? this.#emitEnd(id, token) : this.jobs.addReady(id, ready));
  }

  /** Of all workers, one does it: the one with whose token the end was claimed. */
  async #emitEnd(id: string, token: string): Promise<undefined> {
    const ended = await this.ledger.claimEnd(id, token);
    if (ended === undefined) return;
    const fanOut = this.#fanOutInfo(id, ended);
    const { host } = this.senders;
    if (!ended.isBeginEmitted) host.emit({ type: 'fan_out_begin', fanOut });
    host.emit(outcomeEvent(fanOut, ended));
  }

  /** Gives a chunk another job, if its fan-out was resumed while the one that it had was ending, or failed. */
  async #giveJob({ id, index }: ChunkJobData): Promise<void> {
    try {
      const state = await this.ledger.look(id);
      if (state?.state === 'enqueuing' || state?.state === 'running') await this.jobs.add(id, [index]);
    } catch (error) {
      this.redis.note(error);
    }
  }

  /** Logs an error of BullMQ. Those about a job are logged by their meaning for its chunk. */
  async #note(error: Error): Promise<void> {
    const [, kind, id, index] = JOB_ERROR.exec(error.message) ?? [];
    if (id !== undefined) {
      try {
        if ((await this.ledger.look(id)) === undefined) return this.redis.reportLoss();
        // A job that is completed once more, since the answer was lost, is gone for no bad reason.
        const isGone = kind === 'Missing key';
        if (isGone && (await this.ledger.recipients(id, Number(index))).length === 0) return;
      } catch {
        // Then it is not known to be gone.
      }
    }
    this.redis.note(error);
  }

  /** Never rejects: what can't be sent is as good as refused. */
  async #send(
    fanOut: RtcFanOutInfo,
    index: number,
    { recipients, wire, roomId, from, onUnknown, possibleDuplicate }: ClaimedChunk,
    start: (progress: ChunkProgress) => Promise<boolean>,
  ): Promise<ChunkCompletion> {
    const tally = new FanOutTally(possibleDuplicate, true);
    let stop: FanOutStop | undefined;
    this.#sending += 1;
    try {
      const message = { roomId, from, message: wire.Message, binary: wire.Binary };
      const parts = this.senders.open(message, onUnknown).sendChunk({ index, recipients }, tally, {
        stop: this.#stop,
        fanOut,
        beforeSend: start,
      });
      for await (const part of parts) stop = part.stop;
    } catch (error) {
      tally.addUnsent(recipients);
      stop = { reason: 'refused', error };
    } finally {
      this.#sending -= 1;
    }
    return completionOf(tally, stop, possibleDuplicate);
  }

  /** Repeats recording the outcome as long as it is of use: if it is not recorded, it is unknown. */
  #complete({ id, index }: ChunkJobData, fence: string, completion: ChunkCompletion) {
    let leftAt: number | undefined;
    const isOver = (): boolean => {
      if (this.#stopping.signal.aborted) leftAt ??= performance.now();
      return (
        this.redis.isClosed ||
        performance.now() - (leftAt ?? Number.POSITIVE_INFINITY) > this.redis.patienceMs
      );
    };
    return keepTrying(() => this.ledger.complete(id, index, fence, completion), isOver);
  }

  #fanOutInfo(id: string, { startedAt }: { readonly startedAt: string }): RtcFanOutInfo {
    return { module: this.senders.host.module, id, startedAt, durable: true };
  }
}

function isChunkJob(data: unknown): data is ChunkJobData {
  const { id, index } = (data ?? {}) as Partial<ChunkJobData>;
  return idProblem(id) === undefined && Number.isInteger(index);
}

/** Not delayed: BullMQ compares that with its workers' clocks, which need not be right. */
async function giveBack(job: Job, token: string | undefined): Promise<never> {
  await job.moveToWait(token);
  throw new WaitingError();
}

function delayMs({ attemptsStarted }: Job, { isUnreachable }: ChunkCompletion): number {
  if (!isUnreachable) return FIRST_DELAY_MS;
  const longest = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(10, attemptsStarted));
  return Math.ceil(longest * (0.5 + Math.random() / 2));
}
