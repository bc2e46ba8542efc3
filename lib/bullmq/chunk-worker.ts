import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { type Job, WaitingError, Worker } from 'bullmq';
import type { RtcFanOutInfo } from '../diagnostics/rtc-event.js';
import { idProblem } from '../dto/field-rules.js';
import type { ChunkProgress, ChunkSenders } from '../fan-out/chunk-sender.js';
import type { FanOutStop } from '../fan-out/fan-out-report.js';
import { FanOutTally, outcomeEvent } from '../fan-out/fan-out-tally.js';
import { Cancellation } from '../waiting/cancellation.js';
import { TimeBox } from '../waiting/time-box.js';
import { completionOf } from './chunk-completion.js';
import { type ChunkJobData, ChunkJobs, END } from './chunk-jobs.js';
import { type ClaimedChunk, FanOutLedger } from './fan-out-ledger.js';
import { CHUNK_SENDERS, FAN_OUT_QUEUE_SETTINGS, type FanOutQueueSettings } from './fan-out-queue-settings.js';
import type { ReadyJobs } from './fan-out-state.js';
import { RedisHolder } from './redis-holder.js';

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
/** Result of a job that leaves its chunk open: the chunk needs a new job once its fan-out goes on. */
const LEFT_OPEN = 'left open';
const WHAT_IS_LOST =
  'Redis has lost what it held of a fan-out that was being sent: it was flushed, restarted without what it held, or ' +
  'someone deleted keys. What became of the fan-out can not be written down any more.';

/**
 * Sends the chunks whose jobs it gets of BullMQ. It has a worker of BullMQ's own, and not one of `@nestjs/bullmq`, which
 * waits at the shutdown for a connection that may be lost.
 */
@Injectable()
export class ChunkWorker implements OnApplicationBootstrap, OnModuleDestroy, BeforeApplicationShutdown {
  readonly #stopping = new Cancellation();
  /** The runs of jobs here, by chunk. */
  readonly #runs = new Map<string, Promise<unknown>>();
  #worker: Worker<ChunkJobData> | undefined;
  #sending = 0;

  constructor(
    @Inject(FAN_OUT_QUEUE_SETTINGS) private readonly settings: FanOutQueueSettings,
    private readonly redis: RedisHolder,
    private readonly ledger: FanOutLedger,
    private readonly jobs: ChunkJobs,
    @Inject(CHUNK_SENDERS) private readonly senders: ChunkSenders,
  ) {}

  /** Not before the whole app is there. */
  onApplicationBootstrap(): void {
    const { queueName, prefix, concurrency, lostAfterMs } = this.settings;
    const worker = new Worker<ChunkJobData>(queueName, (job, token) => this.#process(job, token), {
      connection: this.redis.client(),
      prefix,
      concurrency,
      lockDuration: lostAfterMs,
      stalledInterval: Math.ceil(lostAfterMs / 2),
      maxStalledCount: MAX_STALLED,
      runRetryDelay: RECONNECT_PAUSE_MS,
      drainDelay: WAIT_FOR_JOB_S,
    });
    const note = (error: unknown): void => this.redis.note(error);
    worker.on('error', note);
    // Only after the job is gone from Redis: until then, Redis refuses a second one for its chunk.
    worker.on('completed', ({ data }, result) => {
      if (result === LEFT_OPEN) this.#giveJob(data).catch(note);
    });
    this.#worker = worker;
    void this.jobs.sweep(lostAfterMs, this.#stopping, note);
  }

  /**
   * Accepts no more jobs. Requests in flight finish, and waiting chunks are returned. It happens in the first hook:
   * later jobs would have less time, and are refused from the second hook on.
   */
  onModuleDestroy(): void {
    this.#stopping.cancel();
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
    } catch (error) {
      if (error instanceof WaitingError) throw error;
      this.redis.note(error);
      await this.#pause(FIRST_DELAY_MS);
      return LEFT_OPEN;
    } finally {
      if (this.#runs.get(chunk) === ended) this.#runs.delete(chunk);
    }
  }

  async #run(job: Job<ChunkJobData>, token: string | undefined): Promise<string | undefined> {
    const { id, index } = job.data;
    if (this.#stopping.isCancelled) return await giveBack(job, token);
    const fence = `${job.timestamp}.${job.attemptsStarted}.${randomUUID()}`;
    if (index === END) return this.#emitEnd(id, fence);
    const { result, chunk, ready, startedAt, beginEmittedBy } = await this.ledger.claim(id, index, fence);
    if (chunk === undefined) {
      await this.#goOn(id, fence, ready);
      return result === 'stopped' ? LEFT_OPEN : undefined;
    }
    const fanOut = this.#fanOutInfo(id, startedAt);
    if (beginEmittedBy === fence) this.senders.host.emit({ type: 'fan_out_begin', fanOut });
    const { completion, stop } = await this.#send(fanOut, index, chunk, (part) =>
      this.ledger.start(id, index, fence, part),
    );
    const completed = await this.ledger.complete(id, index, fence, completion);
    if (completed.result === 'gone') this.redis.warn(WHAT_IS_LOST);
    await this.#goOn(id, fence, completed.ready);
    if (completed.result !== 'returned') return undefined;
    if (!completed.isRunning) return LEFT_OPEN;
    await this.#pause(delayMs(job, stop));
    return await giveBack(job, token);
  }

  /** Ends early when the worker stops. */
  async #pause(ms: number): Promise<void> {
    await new TimeBox(ms, this.#stopping).unref().wait();
  }

  async #goOn(id: string, token: string, ready: ReadyJobs): Promise<void> {
    await (ready.isEndReady ? this.#emitEnd(id, token) : this.jobs.addReady(id, ready));
  }

  /** Of all workers, one does it: the one with whose token the end was claimed. */
  async #emitEnd(id: string, token: string): Promise<undefined> {
    const ended = await this.ledger.claimEnd(id, token);
    if (ended === undefined) return;
    const fanOut = this.#fanOutInfo(id, ended.startedAt);
    const { host } = this.senders;
    if (ended.beginEmittedBy === '') host.emit({ type: 'fan_out_begin', fanOut });
    host.emit(outcomeEvent(fanOut, ended));
  }

  /** Gives a chunk another job, if its fan-out was resumed while the one that it had was ending, or failed. */
  async #giveJob({ id, index }: ChunkJobData): Promise<void> {
    if ((await this.ledger.look(id))?.isRunning) await this.jobs.add(id, [index]);
  }

  /** Never rejects: what can't be sent is as good as refused. */
  async #send(
    fanOut: RtcFanOutInfo,
    index: number,
    { recipients, message, onUnknown, possibleDuplicate }: ClaimedChunk,
    beforeSend: (progress: ChunkProgress) => Promise<boolean>,
  ) {
    const tally = new FanOutTally(possibleDuplicate, true);
    let stop: FanOutStop | undefined;
    this.#sending += 1;
    try {
      const sender = this.senders.open(message, onUnknown);
      const how = { stop: this.#stopping, fanOut, beforeSend };
      for await (const part of sender.sendChunk({ index, recipients }, tally, how)) stop = part.stop;
    } catch (error) {
      tally.addUnsent(recipients);
      stop = { reason: 'refused', error };
    } finally {
      this.#sending -= 1;
    }
    return { completion: completionOf(tally, stop, possibleDuplicate), stop };
  }

  #fanOutInfo(id: string, startedAt: string): RtcFanOutInfo {
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

/** Longer from one try to the next while the service or the quota is unreachable. */
function delayMs({ attemptsStarted }: Job, stop: FanOutStop | undefined): number {
  if (stop?.reason !== 'unreachable' && stop?.reason !== 'quota') return FIRST_DELAY_MS;
  const longest = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(10, attemptsStarted));
  return Math.ceil(longest * (0.5 + Math.random() / 2));
}
