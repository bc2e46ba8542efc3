import { BullModule, getQueueToken } from '@nestjs/bullmq';
import {
  ConfigurableModuleBuilder,
  type DynamicModule,
  Inject,
  type InjectionToken,
  Module,
  type Provider,
} from '@nestjs/common';
import { ModuleRef, ModulesContainer } from '@nestjs/core';
import type { Queue } from 'bullmq';
import {
  failBareImport,
  hideOptions,
  openOptions,
  requireFactory,
  requireObject,
} from '../config/module-options.js';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import { RoomUnicastService } from '../services/room-unicast.service.js';
import { ChunkJobs, type ChunkJobData } from './chunk-jobs.js';
import { createChunkProcessor } from './create-chunk-processor.js';
import { FanOutLedger } from './fan-out-ledger.js';
import {
  DEFAULT_FAN_OUT_QUEUE,
  type RtcFanOutQueueExtras,
  type RtcFanOutQueueOptions,
  type RtcFanOutQueueOptionsFactory,
} from './fan-out-queue-options.js';
import { FanOutQueueService } from './fan-out-queue.service.js';
import { type FanOutQueueSettings, resolveFanOutQueueSettings } from './fan-out-queue-settings.js';
import { LedgerKeys } from './ledger-keys.js';
import { RedisHolder } from './redis-holder.js';

// Strings, since an ES module copy and a CommonJS copy of this package may be loaded side by side.
const OPTIONS = 'nestjs-rtc-messaging:fan-out-queue-options';
const SETTINGS = 'nestjs-rtc-messaging:fan-out-queue-settings';
const REDIS = 'nestjs-rtc-messaging:fan-out-queue-redis';
const WORKER = 'nestjs-rtc-messaging:fan-out-queue-worker';

const ROLES = ['producer', 'worker', 'both'];

/** What the queue and the services share. */
@Module({})
class FanOutConnectionModule {}

/** What `forRoot()` registers, as with `RtcMessagingModule`. */
@Module({})
class RtcFanOutQueueCoreModule {}

const { ConfigurableModuleClass, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<RtcFanOutQueueOptions>({
    optionsInjectionToken: OPTIONS,
    // Nest must not take two queues for one with `moduleIdGeneratorAlgorithm: 'deep-hash'`: it can't see their options.
    alwaysTransient: true,
  })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createRtcFanOutQueueOptions' satisfies keyof RtcFanOutQueueOptionsFactory)
    .setExtras<RtcFanOutQueueExtras>(
      { role: undefined, queueName: undefined, isGlobal: undefined, roomUnicast: undefined },
      addExtras,
    )
    .build();

/**
 * Fan-outs that survive the process: kept in Redis, sent by any number of workers over BullMQ. A worker sends
 * through the app's `RtcMessagingModule`.
 */
@Module({ imports: [failBareImport('RtcFanOutQueueModule')] })
export class RtcFanOutQueueModule extends ConfigurableModuleClass {
  /** @throws RtcConfigError when an extra is wrong; when the app boots, for the options and for Redis */
  static override forRoot(options: typeof OPTIONS_TYPE): DynamicModule {
    requireObject('RtcFanOutQueueModule.forRoot()', options);
    return super.forRoot(options);
  }

  /** With options from a factory, a class or an existing provider; `role` and its neighbours stand beside it. */
  static override forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    requireFactory('RtcFanOutQueueModule.forRootAsync()', options);
    return super.forRootAsync(options);
  }
}

function addExtras(
  { imports, providers }: DynamicModule,
  {
    role = 'both',
    queueName = DEFAULT_FAN_OUT_QUEUE,
    isGlobal = false,
    roomUnicast = RoomUnicastService,
  }: RtcFanOutQueueExtras,
): DynamicModule {
  if (!ROLES.includes(role)) {
    throw new RtcConfigError([
      { option: 'RtcFanOutQueueModule.role', message: `must be ${ROLES.join(' or ')}` },
    ]);
  }
  if (!/^[\w-]{1,64}$/.test(queueName)) {
    throw new RtcConfigError([
      {
        option: 'RtcFanOutQueueModule.queueName',
        message: 'must be 1–64 of letters, digits, _ and -',
      },
    ]);
  }
  const connection: DynamicModule = {
    module: FanOutConnectionModule,
    imports,
    providers: [
      ...hideOptions(providers, OPTIONS),
      {
        provide: SETTINGS,
        inject: [OPTIONS],
        useFactory: (options: unknown) => resolveFanOutQueueSettings(openOptions(options)),
      },
      {
        provide: REDIS,
        inject: [SETTINGS, ModuleRef, ModulesContainer],
        useFactory: async (
          settings: FanOutQueueSettings,
          moduleRef: ModuleRef,
          modules: ModulesContainer,
        ) => {
          // Before anything is open: Nest closes nothing of an app that does not come up.
          if (role !== 'producer') {
            requireService(moduleRef, roomUnicast);
            await untilMade(modules, roomUnicast);
          }
          return RedisHolder.open(settings);
        },
      },
    ],
    exports: [SETTINGS, REDIS],
  };
  const queue = BullModule.registerQueueAsync({
    name: queueName,
    imports: [connection],
    inject: [SETTINGS, REDIS],
    useFactory: ({ prefix }: FanOutQueueSettings, redis: RedisHolder) => ({
      connection: redis.client(),
      prefix,
    }),
  });
  return {
    module: RtcFanOutQueueCoreModule,
    global: isGlobal,
    imports: [connection, queue],
    providers: [
      {
        provide: FanOutLedger,
        inject: [SETTINGS, REDIS],
        useFactory: ({ prefix }: FanOutQueueSettings, redis: RedisHolder) =>
          new FanOutLedger(redis.client(), new LedgerKeys(prefix, queueName)),
      },
      {
        provide: ChunkJobs,
        inject: [REDIS, getQueueToken(queueName), FanOutLedger],
        useFactory: (redis: RedisHolder, bullQueue: Queue<ChunkJobData>, ledger: FanOutLedger) => {
          bullQueue.on('error', (error) => redis.outages.note(error));
          return new ChunkJobs(bullQueue, ledger);
        },
      },
      {
        provide: FanOutQueueService,
        inject: [SETTINGS, REDIS, FanOutLedger, ChunkJobs],
        useFactory: (
          settings: FanOutQueueSettings,
          redis: RedisHolder,
          ledger: FanOutLedger,
          jobs: ChunkJobs,
        ) => new FanOutQueueService(role, settings, redis, ledger, jobs),
      },
      ...(role === 'producer' ? [] : [workerProvider(queueName, roomUnicast)]),
    ],
    exports: [FanOutQueueService, queue],
  };
}

function workerProvider(
  queueName: string,
  roomUnicast: NonNullable<RtcFanOutQueueExtras['roomUnicast']>,
): Provider {
  return {
    provide: WORKER,
    inject: [SETTINGS, REDIS, FanOutLedger, ChunkJobs, ModuleRef],
    useFactory: (
      settings: FanOutQueueSettings,
      redis: RedisHolder,
      ledger: FanOutLedger,
      jobs: ChunkJobs,
      moduleRef: ModuleRef,
    ) => createChunkProcessor({ queueName, settings, redis, ledger, jobs, moduleRef, roomUnicast }),
  };
}

/** It need not have been made yet. */
function requireService(moduleRef: ModuleRef, token: InjectionToken): void {
  try {
    moduleRef.get(token as never, { strict: false });
  } catch {
    const message =
      token === RoomUnicastService
        ? 'a worker sends through an RtcMessagingModule without a name, which is not imported in this app; import it, ' +
          "name another one (roomUnicast: getRoomUnicastToken('its name')), or set role: 'producer'"
        : `names '${describeToken(token)}', which no module of this app provides; import the RtcMessagingModule of ` +
          'that name';
    throw new RtcConfigError([{ option: 'RtcFanOutQueueModule.roomUnicast', message }]);
  }
}

/**
 * Waits for a service of whichever module, as what injects it would.
 * @throws whatever keeps it from being made
 */
async function untilMade(modules: ModulesContainer, token: InjectionToken): Promise<void> {
  class Waiting {
    constructor(@Inject(token) readonly service: unknown) {}
  }
  for (const { providers } of modules.values()) {
    if (!providers.has(token)) continue;
    const moduleRef = providers.get(ModuleRef)?.instance as ModuleRef | undefined;
    await moduleRef?.create(Waiting);
  }
}

function describeToken(token: InjectionToken): string {
  return typeof token === 'function' ? token.name : String(token);
}
