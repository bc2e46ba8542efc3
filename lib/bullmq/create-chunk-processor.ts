import { randomUUID } from 'node:crypto';
import {
  type BeforeApplicationShutdown,
  type InjectionToken,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import type { ModuleRef } from '@nestjs/core';
import { Processor, WorkerHost } from '@nestjs/bullmq';
import { type Job, WaitingError } from 'bullmq';
import { BEFORE_SEND, type FanOutOptionsWithHook } from '../fan-out/fan-out-request.js';
import type { RoomUnicastService } from '../services/room-unicast.service.js';
import { TimeBox } from '../waiting/time-box.js';
import type { ChunkFeeder, ChunkJobData } from './chunk-feeder.js';
import { ChunkProgress, type PartInFlight } from './chunk-progress.js';
import { type ChunkSettlement, refusedSettlement, settlementOf } from './chunk-settlement.js';
import type { BegunChunk, FanOutLedger } from './fan-out-ledger.js';
import type { FanOutQueueSettings } from './fan-out-queue-settings.js';
import { keepTrying } from './keep-trying.js';
import { LedgerSweeper } from './ledger-sweeper.js';
import type { RedisHolder } from './redis-holder.js';

/** A chunk that was left behind is settled at its next run, so that no job can stall for ever. */
const MAX_STALLED = 1_000_000;
/** How long BullMQ pauses after Redis failed it. Its default, 15 s, is longer than most outages, and per chunk. */
const RECONNECT_PAUSE_MS = 500;
/** How long a chunk waits at most before it is tried again, while the service can't be reached. */
const MAX_DELAY_MS = 30_000;
const FIRST_DELAY_MS = 500;
/** What a job comes to that leaves its chunk without one: it has not been sent, and is to be, if that goes on. */
const LEFT_OPEN = 'left open';

/** What a worker works with. */
export interface ChunkProcessorParts {
  readonly queueName: string;
  readonly settings: FanOutQueueSettings;
  readonly redis: RedisHolder;
  readonly ledger: FanOutLedger;
  readonly feeder: ChunkFeeder;
  readonly moduleRef: ModuleRef;
  /** Of the service to send with. */
  readonly roomUnicast: InjectionToken;
}

/**
 * Makes a worker. Its class is made for it as well, since BullMQ's options stand in the class's decorator and ours
 * are known when the app boots.
 */
export function createChunkProcessor(parts: ChunkProcessorParts): WorkerHost {
  const { queueName, settings, redis, ledger, feeder, moduleRef, roomUnicast } = parts;

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
    readonly #sweeper = new LedgerSweeper(ledger, feeder, settings.lostAfterMs, redis.outages);
    /** The runs of jobs here, by chunk. */
    readonly #runs = new Map<string, Promise<unknown>>();
    #service: RoomUnicastService | undefined;
    #sending = 0;
    #closing: Promise<void> | undefined;

    /** Not before the whole app is there. */
    onApplicationBootstrap(): void {
      this.#service = moduleRef.get<RoomUnicastService>(roomUnicast as never, { strict: false });
      this.worker.on('error', (error) => void this.#note(error));
      // Not before the job is gone from Redis: until then, another one for its chunk is not taken.
      this.worker.on('completed', ({ data }: Job<ChunkJobData>, result) => {
        if (result === LEFT_OPEN) void this.#giveJob(data);
      });
      this.worker.on('failed', (job) => {
        if (job !== undefined) setTimeout(() => void this.#giveJob(job.data), FIRST_DELAY_MS).unref();
      });
      void this.worker.run();
      this.#sweeper.start();
    }

    /**
     * Takes no more; lets the requests that are under way end, and gives back what waits for its turn. At the first
     * of the hooks: what is taken later has less time, and is refused from the second on.
     */
    onModuleDestroy(): void {
      this.#sweeper.stop();
      this.#stopping.abort();
      // Of an app that closes before it was there, BullMQ's module closes the worker.
      this.#closing = this.#service === undefined ? Promise.resolve() : this.worker.close();
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
      const begun = await ledger.begin(id, index, fence);
      if (begun.result !== 'send') {
        await feeder.feed(id, await ledger.due(id));
        return begun.result === 'stopped' ? LEFT_OPEN : undefined;
      }
      let isRefused = false;
      const settlement = await this.#send(begun.chunk, async (part) => {
        const mayBeSent = await ledger.take(id, index, fence, part);
        isRefused = !mayBeSent;
        return mayBeSent;
      });
      const { result, due } = await this.#settle(job.data, fence, settlement);
      if (result === 'gone') redis.outages.tellLoss();
      if (result === 'fenced') {
        this.#logger.warn(
          `Fan-out ${id}, chunk ${index}: this worker was taken for lost while it sent; the chunk was settled ` +
            'without it.',
        );
      }
      await feeder.feed(id, due);
      if (result !== 'returned') return undefined;
      if (settlement.stop !== undefined) return LEFT_OPEN;
      // What the ledger refused to send, since it was stopped, is not sent at the next run either.
      if (!isRefused) await this.#pause(this.#delayMs(job, settlement));
      // Not delayed: BullMQ compares that with its workers' clocks, which need not be right.
      await job.moveToWait(token);
      throw new WaitingError();
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
        if (state?.state === 'enqueuing' || state?.state === 'running') await feeder.add(id, [index]);
      } catch (error) {
        redis.outages.note(error);
      }
    }

    async #note(error: Error): Promise<void> {
      const ids = new Set([...this.#runs.keys()].map((chunk) => chunk.slice(0, chunk.lastIndexOf('.'))));
      try {
        for (const id of redis.outages.blamesWorker(error) ? ids : []) {
          if ((await ledger.look(id)) === undefined) return redis.outages.tellLoss();
        }
      } catch {
        // Then it is not known to be gone.
      }
      redis.outages.note(error);
    }

    /** Never rejects: what can't be sent is as good as refused. */
    async #send(
      chunk: BegunChunk,
      take: (part: PartInFlight | undefined) => Promise<boolean>,
    ): Promise<ChunkSettlement> {
      const { recipients, wire, roomId, from, onUnknown, possibleDuplicate } = chunk;
      this.#sending += 1;
      try {
        const progress = new ChunkProgress(recipients);
        if (this.#service === undefined) throw new TypeError('The worker has not been started');
        const options: FanOutOptionsWithHook = {
          concurrency: 1,
          dedupe: 'none',
          onUnknown,
          signal: this.#stopping.signal,
          // Of what may have been accepted before, no part is any better known than the others.
          [BEFORE_SEND]: (part) => take(possibleDuplicate ? undefined : progress.begin(part)),
          onChunk: ({ outcome }) => progress.end(outcome),
        };
        const report = await this.#service.fanOut(
          { roomId, from, message: wire.Message, binary: wire.Binary, to: recipients },
          options,
        );
        return settlementOf(report, possibleDuplicate);
      } catch (error) {
        return refusedSettlement(recipients, error);
      } finally {
        this.#sending -= 1;
      }
    }

    /** What is known now would be unknown if it were not written down: so that is tried as long as there is a use. */
    #settle({ id, index }: ChunkJobData, fence: string, settlement: ChunkSettlement) {
      let leftAt: number | undefined;
      const isOver = (): boolean => {
        if (this.#stopping.signal.aborted) leftAt ??= performance.now();
        return redis.isClosed || performance.now() - (leftAt ?? Number.POSITIVE_INFINITY) > redis.patienceMs;
      };
      return keepTrying(() => ledger.settle(id, index, fence, settlement), isOver);
    }

    #delayMs({ attemptsStarted }: Job, { isUnreachable }: ChunkSettlement): number {
      if (!isUnreachable) return FIRST_DELAY_MS;
      const longest = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(10, attemptsStarted));
      return Math.ceil(longest * (0.5 + Math.random() / 2));
    }
  }

  return new ChunkProcessor();
}
