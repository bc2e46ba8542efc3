import { randomUUID } from 'node:crypto';
import {
  type BeforeApplicationShutdown,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { Processor, WorkerHost } from '@nestjs/bullmq';
import { type Job, WaitingError } from 'bullmq';
import type { ChunkProgress, ChunkSenders, FanOutHost } from '../fan-out/chunk-sender.js';
import { type FanOutStop, outcomeEvent } from '../fan-out/fan-out-report.js';
import { FanOutTally } from '../fan-out/fan-out-tally.js';
import type { RtcFanOutInfo } from '../diagnostics/rtc-event.js';
import { TimeBox } from '../waiting/time-box.js';
import { type ChunkJobs, type ChunkJobData, END } from './chunk-jobs.js';
import { type ChunkCompletion, completionOf } from './chunk-completion.js';
import type { ClaimedChunk, FanOutLedger } from './fan-out-ledger.js';
import type { ReadyJobs } from './fan-out-state.js';
import type { FanOutQueueSettings } from './fan-out-queue-settings.js';
import { keepTrying } from './keep-trying.js';
import { LedgerSweeper } from './ledger-sweeper.js';
import type { RedisHolder } from './redis-holder.js';

/** A chunk that was left behind is completed at its next run, so that no job can stall for ever. */
const MAX_STALLED = 1_000_000;
/** How long BullMQ pauses after Redis failed it. Its default, 15 s, is longer than most outages, and per chunk. */
const RECONNECT_PAUSE_MS = 500;
/** How long a chunk waits at most before it is tried again, while the service can't be reached. */
const MAX_DELAY_MS = 30_000;
const FIRST_DELAY_MS = 500;
/** Result of a job whose fan-out was stopped before its chunk was sent. If that goes on, the chunk needs a new job. */
const LEFT_OPEN = 'left open';

/** What a worker works with. */
export interface ChunkProcessorParts {
  readonly queueName: string;
  readonly settings: FanOutQueueSettings;
  readonly redis: RedisHolder;
  readonly ledger: FanOutLedger;
  readonly jobs: ChunkJobs;
  readonly senders: ChunkSenders;
}

/**
 * Makes a worker. Its class is made for it as well, since BullMQ's options stand in the class's decorator and ours
 * are known when the app boots.
 */
export function createChunkProcessor(parts: ChunkProcessorParts): WorkerHost {
  const { queueName, settings, redis, ledger, jobs, senders } = parts;
  const { host } = senders;

  @Processor(
    { name: queueName },
    {
      // Or `@nestjs/bullmq` takes those of any queue of this name in the app.
      connection: redis.client(),
      prefix: settings.prefix,
      autorun: false,
      concurrency: settings.concurrency,
      lockDuration: settings.lostAfterMs,
      stalledInterval: Math.ceil(settings.lostAfterMs / 2),
      maxStalledCount: MAX_STALLED,
      runRetryDelay: RECONNECT_PAUSE_MS,
    },
  )
  class ChunkProcessor
    extends WorkerHost
    implements OnApplicationBootstrap, OnModuleDestroy, BeforeApplicationShutdown
  {
    readonly #logger = new Logger('RtcFanOutQueue');
    readonly #stopping = new AbortController();
    /** The runs of jobs here, by chunk. */
    readonly #runs = new Map<string, Promise<unknown>>();
    #sending = 0;
    #isStarted = false;
    #closing: Promise<void> | undefined;

    /** Not before the whole app is there. */
    onApplicationBootstrap(): void {
      this.#isStarted = true;
      this.worker.on('error', (error) => void this.#note(error));
      // Only after the job is gone from Redis: until then, Redis refuses a second one for its chunk.
      this.worker.on('completed', ({ data }: Job<ChunkJobData>, result) => {
        if (result === LEFT_OPEN) void this.#giveJob(data);
      });
      this.worker.on('failed', (job) => {
        if (job !== undefined) setTimeout(() => void this.#giveJob(job.data), FIRST_DELAY_MS).unref();
      });
      void this.worker.run();
      const sweeper = new LedgerSweeper(ledger, jobs, redis.outages);
      void sweeper.run(settings.lostAfterMs, this.#stopping.signal);
    }

    /**
     * Accepts no more jobs. Requests in flight finish, and waiting chunks are returned. It happens in the first hook:
     * later jobs would have less time, and are refused from the second hook on.
     */
    onModuleDestroy(): void {
      this.#stopping.abort();
      // Of an app that closes before it was there, BullMQ's module closes the worker.
      this.#closing = this.#isStarted ? this.worker.close() : Promise.resolve();
      this.#closing.catch(() => undefined);
    }

    async beforeApplicationShutdown(): Promise<void> {
      await redis.finish(this.#closing ?? Promise.resolve(), () => this.#sending > 0);
    }

    /**
     * BullMQ gives a job once more when its lock could not be renewed in time, which Redis may be to blame for. If
     * the run that has lost it goes on here, it knows, or will know, what became of the chunk.
     */
    async process(job: Job<ChunkJobData>, token?: string): Promise<string | undefined> {
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
      const { id, index } = job.data;
      const fence = `${job.timestamp}.${job.attemptsStarted}.${randomUUID()}`;
      if (index === END) return this.#emitEnd(id, fence);
      const claimed = await ledger.claim(id, index, fence);
      if (claimed.result !== 'send') {
        await this.#goOn(id, fence, claimed.ready);
        return claimed.result === 'stopped' ? LEFT_OPEN : undefined;
      }
      const fanOut = fanOutInfo(host, id, claimed.chunk);
      if (claimed.chunk.isFirst) host.emit({ type: 'fan_out_begin', fanOut });
      let isRefused = false;
      const completion = await this.#send(fanOut, index, claimed.chunk, async (part) => {
        const mayBeSent = await ledger.start(id, index, fence, part);
        isRefused = !mayBeSent;
        return mayBeSent;
      });
      const { result, ready } = await this.#complete(job.data, fence, completion);
      if (result === 'gone') redis.outages.reportLoss();
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
      if (!isRefused) await this.#pause(this.#delayMs(job, completion));
      // Not delayed: BullMQ compares that with its workers' clocks, which need not be right.
      await job.moveToWait(token);
      throw new WaitingError();
    }

    async #goOn(id: string, token: string, ready: ReadyJobs): Promise<void> {
      await (ready.isEndReady ? this.#emitEnd(id, token) : jobs.addReady(id, ready));
    }

    /** Of all workers, one does it: the one with whose token the end was claimed. */
    async #emitEnd(id: string, token: string): Promise<undefined> {
      const ended = await ledger.claimEnd(id, token);
      if (ended === undefined) return;
      const fanOut = fanOutInfo(host, id, ended);
      if (!ended.isBeginEmitted) host.emit({ type: 'fan_out_begin', fanOut });
      host.emit(outcomeEvent(fanOut, ended));
    }

    /** Ends early when this worker is to stop. */
    async #pause(ms: number): Promise<void> {
      const box = new TimeBox(ms, undefined, this.#stopping.signal).unref();
      await box.wait();
      box.dispose();
    }

    /** Gives a chunk another job, if its fan-out was resumed while the one that it had was ending, or failed. */
    async #giveJob({ id, index }: ChunkJobData): Promise<void> {
      try {
        const state = await ledger.look(id);
        if (state?.state === 'enqueuing' || state?.state === 'running') await jobs.add(id, [index]);
      } catch (error) {
        redis.outages.note(error);
      }
    }

    /** Logs BullMQ's errors about jobs by their meaning for the chunks. */
    async #note(error: Error): Promise<void> {
      const gone = jobThatIsGone(error);
      const blamed = redis.outages.blamesWorker(error) ? [...this.#runs.keys()].map(parseJobId) : [];
      try {
        for (const id of new Set([...(gone ? [gone] : blamed)].map((job) => job.id))) {
          if ((await ledger.look(id)) === undefined) return redis.outages.reportLoss();
        }
        // A job that is completed once more, since the answer was lost, is gone for no bad reason.
        if (gone !== undefined && (await ledger.recipients(gone.id, gone.index)).length === 0) return;
      } catch {
        // Then it is not known to be gone.
      }
      redis.outages.note(error);
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
        const parts = senders.open(message, onUnknown).sendChunk({ index, recipients }, tally, {
          stop: this.#stopping.signal,
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
        return redis.isClosed || performance.now() - (leftAt ?? Number.POSITIVE_INFINITY) > redis.patienceMs;
      };
      return keepTrying(() => ledger.complete(id, index, fence, completion), isOver);
    }

    #delayMs({ attemptsStarted }: Job, { isUnreachable }: ChunkCompletion): number {
      if (!isUnreachable) return FIRST_DELAY_MS;
      const longest = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(10, attemptsStarted));
      return Math.ceil(longest * (0.5 + Math.random() / 2));
    }
  }

  return new ChunkProcessor();
}

/** BullMQ says so with its own code: `Missing key for job some-id.0. moveToFinished`. */
function jobThatIsGone({ message }: Error): ChunkJobData | undefined {
  const [, jobId] = /^Missing key for job (\S+)\. /.exec(message) ?? [];
  return jobId === undefined ? undefined : parseJobId(jobId);
}

function parseJobId(jobId: string): ChunkJobData {
  const dot = jobId.lastIndexOf('.');
  return { id: jobId.slice(0, dot), index: Number(jobId.slice(dot + 1)) };
}

function fanOutInfo(
  { module }: FanOutHost,
  id: string,
  { startedAt }: { readonly startedAt: string },
): RtcFanOutInfo {
  return { module, id, startedAt, durable: true };
}
