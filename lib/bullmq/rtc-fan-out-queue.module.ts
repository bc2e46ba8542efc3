import { getQueueToken } from '@nestjs/bullmq';
import { type DynamicModule, Inject, type InjectionToken, Module } from '@nestjs/common';
import { ModuleRef, ModulesContainer } from '@nestjs/core';
import { Queue } from 'bullmq';
import { createModuleClass } from '../config/create-module-class.js';
import { openOptions } from '../config/module-options.js';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import type { ChunkSenders } from '../fan-out/chunk-sender.js';
import { RoomUnicastService } from '../services/room-unicast.service.js';
import { ChunkJobs, type ChunkJobData } from './chunk-jobs.js';
import { ChunkWorker } from './chunk-worker.js';
import { FanOutLedger } from './fan-out-ledger.js';
import type {
  RtcFanOutQueueExtras,
  RtcFanOutQueueOptions,
  RtcFanOutQueueOptionsFactory,
} from './fan-out-queue-options.js';
import { FanOutQueueService } from './fan-out-queue.service.js';
import {
  type FanOutQueueSettings,
  readFanOutQueueExtras,
  resolveFanOutQueueSettings,
} from './fan-out-queue-settings.js';
import { LedgerKeys } from './ledger-keys.js';
import { RedisHolder } from './redis-holder.js';

// Strings, since an ES module copy and a CommonJS copy of this package may be loaded side by side.
const OPTIONS = 'nestjs-rtc-messaging:fan-out-queue-options';
const SETTINGS = 'nestjs-rtc-messaging:fan-out-queue-settings';
const REDIS = 'nestjs-rtc-messaging:fan-out-queue-redis';
const SENDERS = 'nestjs-rtc-messaging:fan-out-queue-senders';
const WORKER = 'nestjs-rtc-messaging:fan-out-queue-worker';
/** What the service and the worker are made of. */
const PARTS = [SETTINGS, REDIS, FanOutLedger, ChunkJobs];
type Parts = [FanOutQueueSettings, RedisHolder, FanOutLedger, ChunkJobs];

/** What `forRoot()` registers, as with `RtcMessagingModule`. */
@Module({})
class RtcFanOutQueueCoreModule {}

/**
 * Fan-outs that survive the process: kept in Redis, sent by any number of workers over BullMQ. A worker sends
 * through the app's `RtcMessagingModule`.
 */
@Module({})
export class RtcFanOutQueueModule extends createModuleClass<
  RtcFanOutQueueOptions,
  RtcFanOutQueueExtras,
  RtcFanOutQueueOptionsFactory
>({
  module: 'RtcFanOutQueueModule',
  core: RtcFanOutQueueCoreModule,
  optionsToken: OPTIONS,
  factoryMethod: 'createRtcFanOutQueueOptions',
  extras: { role: undefined, queueName: undefined, isGlobal: undefined, roomUnicast: undefined },
  addExtras,
}) {}

function addExtras(
  { module, imports, providers = [] }: DynamicModule,
  given: RtcFanOutQueueExtras,
): DynamicModule {
  const { role, queueName, isGlobal, roomUnicast } = readFanOutQueueExtras(given);
  const isWorker = role !== 'producer';
  const queue = getQueueToken(queueName);
  return {
    module,
    imports,
    global: isGlobal,
    providers: [
      ...providers,
      {
        provide: SETTINGS,
        inject: [OPTIONS],
        useFactory: (options: unknown) => resolveFanOutQueueSettings(openOptions(options)),
      },
      {
        provide: SENDERS,
        inject: [ModulesContainer, SETTINGS],
        useFactory: (modules: ModulesContainer) => (isWorker ? sendersOf(modules, roomUnicast) : undefined),
      },
      {
        provide: REDIS,
        // Not open before all else is there: Nest closes nothing of an app that does not come up.
        inject: [SETTINGS, SENDERS],
        useFactory: (settings: FanOutQueueSettings) => RedisHolder.open(settings),
      },
      {
        provide: queue,
        inject: [SETTINGS, REDIS],
        // Made here, since `BullModule` would add what the app sets for its own queues.
        useFactory: ({ prefix }: FanOutQueueSettings, redis: RedisHolder) =>
          new Queue(queueName, { connection: redis.client(), prefix }).on('error', (error) =>
            redis.note(error),
          ),
      },
      {
        provide: FanOutLedger,
        inject: [SETTINGS, REDIS],
        useFactory: ({ prefix }: FanOutQueueSettings, redis: RedisHolder) =>
          new FanOutLedger(redis.client(), new LedgerKeys(prefix, queueName), redis.closing),
      },
      {
        provide: ChunkJobs,
        inject: [queue, FanOutLedger],
        useFactory: (bullQueue: Queue<ChunkJobData>, ledger: FanOutLedger) =>
          new ChunkJobs(bullQueue, ledger),
      },
      {
        provide: FanOutQueueService,
        inject: PARTS,
        useFactory: (...parts: Parts) => new FanOutQueueService(role, ...parts),
      },
      {
        provide: WORKER,
        inject: [...PARTS, SENDERS],
        useFactory: (...[settings, redis, ledger, jobs, senders]: [...Parts, ChunkSenders | undefined]) =>
          senders && new ChunkWorker(queueName, settings, redis, ledger, jobs, senders),
      },
    ],
    exports: [FanOutQueueService, queue],
  };
}

/**
 * What a worker sends with: of a service of whichever module, once that is made, as what injects it would wait.
 * @throws RtcConfigError if there is none, or it is a mock; and whatever keeps it from being made
 */
async function sendersOf(modules: ModulesContainer, token: InjectionToken): Promise<ChunkSenders> {
  const home = [...modules.values()].findLast(({ providers }) => providers.has(token));
  const moduleRef = home?.providers.get(ModuleRef)?.instance as ModuleRef | undefined;
  if (moduleRef === undefined) {
    throw wrongService(
      token === RoomUnicastService
        ? 'a worker sends through an RtcMessagingModule without a name, which is not imported in this app; import it, ' +
            "name another one (roomUnicast: getRoomUnicastToken('its name')), or set role: 'producer'"
        : `names '${typeof token === 'function' ? token.name : String(token)}', which no module of this app ` +
            'provides; import the RtcMessagingModule of that name',
    );
  }
  class Waiting {
    constructor(@Inject(token) readonly service: RoomUnicastService) {}
  }
  const { service } = await moduleRef.create(Waiting);
  const senders = service.chunkSenders?.();
  if (senders !== undefined) return senders;
  throw wrongService(
    "is a mock, which a worker can't send through; put a mock in place of the queue's module, too",
  );
}

function wrongService(message: string): RtcConfigError {
  return new RtcConfigError([{ option: 'RtcFanOutQueueModule.roomUnicast', message }]);
}
