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
import { DelayedError, type Job } from 'bullmq';
import { BEFORE_SEND, type FanOutOptionsWithHook } from '../fan-out/fan-out-request.js';
import type { RoomUnicastService } from '../services/room-unicast.service.js';
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
    readonly #runs = new Map<string, Promise<void>>();
    #service: RoomUnicastService | undefined;
    #stoppedAt = Number.POSITIVE_INFINITY;
    #closing: Promise<void> | undefined;

    /** Not before the whole app is there. */
    onApplicationBootstrap(): void {
      this.#service = moduleRef.get<RoomUnicastService>(roomUnicast as never, { strict: false });
      this.worker.on('error', (error) => redis.outages.note(error));
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
      this.#stoppedAt = performance.now();
      // Of an app that closes before it was there, BullMQ's module closes the worker.
      this.#closing = this.#service === undefined ? Promise.resolve() : this.worker.close();
      this.#closing.catch(() => undefined);
    }

    async beforeApplicationShutdown(): Promise<void> {
      // After that time, the others take what is in flight here for lost.
      await redis.finish(this.#closing ?? Promise.resolve(), settings.lostAfterMs);
    }

    /**
     * BullMQ gives a job once more when its lock could not be renewed in time, which Redis may be to blame for. If
     * the run that has lost it goes on here, it knows, or will know, what became of the chunk.
     */
    async process(job: Job<ChunkJobData>, token?: string): Promise<void> {
      const chunk = `${job.data.id}.${job.data.index}`;
      const earlier = this.#runs.get(chunk) ?? Promise.resolve();
      const run = earlier.then(() => this.#run(job, token));
      const ended = run.catch(() => undefined);
      this.#runs.set(chunk, ended);
      try {
        await run;
      } finally {
        if (this.#runs.get(chunk) === ended) this.#runs.delete(chunk);
      }
    }

    async #run(job: Job<ChunkJobData>, token: string | undefined): Promise<void> {
      const { id, index } = job.data;
      const fence = `${job.timestamp}.${job.attemptsStarted}.${randomUUID()}`;
      const begun = await ledger.begin(id, index, fence);
      if (begun.result !== 'send') {
        await feeder.feed(id, await ledger.due(id));
        return;
      }
      const settlement = await this.#send(begun.chunk, (part) => ledger.take(id, index, fence, part));
      const { result, due } = await this.#settle(job.data, fence, settlement);
      if (result === 'fenced') {
        this.#logger.warn(
          `Fan-out ${id}, chunk ${index}: this worker was taken for lost while it sent; the chunk was settled ` +
            'without it.',
        );
      }
      await feeder.feed(id, due);
      if (result !== 'returned' || settlement.stop !== undefined) return;
      await job.moveToDelayed(Date.now() + this.#delayMs(job, settlement), token);
      throw new DelayedError();
    }

    /** Never rejects: what can't be sent is as good as refused. */
    async #send(
      chunk: BegunChunk,
      take: (part: PartInFlight | undefined) => Promise<boolean>,
    ): Promise<ChunkSettlement> {
      const { recipients, wire, roomId, from, onUnknown, possibleDuplicate } = chunk;
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
      }
    }

    /** What is known now would be unknown if it were not written down: so that is tried as long as there is a use. */
    #settle({ id, index }: ChunkJobData, fence: string, settlement: ChunkSettlement) {
      return keepTrying(
        () => ledger.settle(id, index, fence, settlement),
        () => redis.isClosed || this.#isOverdue,
      );
    }

    /** Whether this worker has been stopping for so long that the others take what is in flight here for lost. */
    get #isOverdue(): boolean {
      return performance.now() - this.#stoppedAt > settings.lostAfterMs;
    }

    /** When it is given back because this worker stops, another one may have it at once. */
    #delayMs({ attemptsStarted }: Job, { isUnreachable }: ChunkSettlement): number {
      if (this.#stopping.signal.aborted) return 1;
      if (!isUnreachable) return FIRST_DELAY_MS;
      const longest = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(10, attemptsStarted));
      return Math.ceil(longest * (0.5 + Math.random() / 2));
    }
  }

  return new ChunkProcessor();
}
