import { getQueueToken } from '@nestjs/bullmq';
import { type DynamicModule, Inject, type InjectionToken, Module } from '@nestjs/common';
import { ModuleRef, ModulesContainer } from '@nestjs/core';
import { Queue } from 'bullmq';
import { createModuleClass } from '../config/create-module-class.js';
import { openOptions } from '../config/module-options.js';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import type { ChunkSenders } from '../fan-out/chunk-sender.js';
import { RoomUnicastService } from '../services/room-unicast.service.js';
import { ChunkJobs } from './chunk-jobs.js';
import { ChunkWorker } from './chunk-worker.js';
import { FanOutLedger } from './fan-out-ledger.js';
import type {
  RtcFanOutQueueExtras,
  RtcFanOutQueueOptions,
  RtcFanOutQueueOptionsFactory,
} from './fan-out-queue-options.js';
import { FanOutQueueService } from './fan-out-queue.service.js';
import {
  BULL_QUEUE,
  CHUNK_SENDERS,
  FAN_OUT_QUEUE_SETTINGS,
  type FanOutQueueSettings,
  readFanOutQueueExtras,
  resolveFanOutQueueSettings,
} from './fan-out-queue-settings.js';
import { RedisHolder } from './redis-holder.js';

// A string, since an ES module copy and a CommonJS copy of this package may be loaded side by side.
const OPTIONS = 'nestjs-rtc-messaging:fan-out-queue-options';

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

function addExtras(definition: DynamicModule, given: RtcFanOutQueueExtras): DynamicModule {
  const extras = readFanOutQueueExtras(given);
  const queue = getQueueToken(extras.queueName);
  const isWorker = extras.role !== 'producer';
  return {
    ...definition,
    global: extras.isGlobal,
    providers: [
      ...(definition.providers ?? []),
      {
        provide: FAN_OUT_QUEUE_SETTINGS,
        inject: [OPTIONS],
        useFactory: (options: unknown) => resolveFanOutQueueSettings(openOptions(options), extras),
      },
      {
        provide: CHUNK_SENDERS,
        inject: [ModulesContainer, FAN_OUT_QUEUE_SETTINGS],
        useFactory: (modules: ModulesContainer) => isWorker && sendersOf(modules, extras.roomUnicast),
      },
      {
        provide: RedisHolder,
        // Not open before all else is there: Nest closes nothing of an app that does not come up.
        inject: [FAN_OUT_QUEUE_SETTINGS, CHUNK_SENDERS],
        useFactory: (settings: FanOutQueueSettings) => RedisHolder.open(settings),
      },
      {
        provide: BULL_QUEUE,
        inject: [FAN_OUT_QUEUE_SETTINGS, RedisHolder],
        // Made here, since `BullModule` would add what the app sets for its own queues.
        useFactory: ({ queueName, prefix }: FanOutQueueSettings, redis: RedisHolder) =>
          new Queue(queueName, { connection: redis.client(), prefix }).on('error', (error) =>
            redis.note(error),
          ),
      },
      { provide: queue, useExisting: BULL_QUEUE },
      FanOutLedger,
      ChunkJobs,
      FanOutQueueService,
      ...(isWorker ? [ChunkWorker] : []),
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
