import { type DynamicModule, type InjectionToken, Module } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { CALLBACK_SETTINGS, type CallbackSettings } from '../callbacks/callback-settings.js';
import { createModuleClass } from '../config/create-module-class.js';
import { openOptions } from '../config/module-options.js';
import { DEFAULT_MODULE_NAME, readExtras } from '../config/registration.js';
import { type ConfigProblem, RtcConfigError } from '../errors/rtc-config.error.js';
import { readOptions } from '../options/read-options.js';
import { getReceiptTrackerToken } from '../services/receipt-tracker.js';
import { getRoomUnicastToken } from '../services/service-tokens.js';
import {
  RECEIPT_OPTIONS,
  type RtcReceiptExtras,
  type RtcReceiptOptions,
  type RtcReceiptOptionsFactory,
} from './receipt-options.js';
import { MemoryReceiptStore } from './memory-receipt-store.js';
import { getReceiptsToken, ReceiptService } from './receipt.service.js';
import { RedisReceiptStore } from './redis-receipt-store.js';

// Strings, since an ES module copy and a CommonJS copy of this package may be loaded side by side.
const OPTIONS = 'nestjs-rtc-messaging:receipt-options';
const CONNECTION = 'nestjs-rtc-messaging:receipt-connection';
const RECEIPTS = 'nestjs-rtc-messaging:receipts';
const MODULE = 'RtcReceiptModule';

/** What `RtcReceiptModule.forRoot()` registers, as with `RtcMessagingModule`. */
@Module({})
class RtcReceiptCoreModule {}

/**
 * Receipts of messages: `ReceiptService`, which is injectable everywhere. They come as clients' messages, so it needs
 * `RtcCallbackModule` with `clientMessages` beside `RtcMessagingModule`. Experimental.
 */
@Module({})
export class RtcReceiptModule extends createModuleClass<
  RtcReceiptOptions,
  RtcReceiptExtras,
  RtcReceiptOptionsFactory
>({
  module: MODULE,
  core: RtcReceiptCoreModule,
  optionsToken: OPTIONS,
  factoryMethod: 'createRtcReceiptOptions',
  extras: { name: undefined },
  addExtras,
}) {}

function addExtras(definition: DynamicModule, given: RtcReceiptExtras): DynamicModule {
  const { name, problems } = readExtras({ name: given.name }, MODULE);
  const tokens = [getReceiptsToken(name), getReceiptTrackerToken(name)];
  const module = name ?? DEFAULT_MODULE_NAME;
  return {
    ...definition,
    // Senders look for it in their own modules.
    global: true,
    providers: [
      ...(definition.providers ?? []),
      {
        provide: RECEIPTS,
        inject: [OPTIONS],
        useFactory: (options: unknown) => create(module, openOptions(options), problems),
      },
      {
        provide: CONNECTION,
        inject: [RECEIPTS, ModuleRef],
        useFactory: (receipts: ReceiptService, modules: ModuleRef) => ({
          // Both modules are there then, wherever the app imports them.
          onModuleInit: () => connect(name, receipts, modules),
        }),
      },
      ...tokens.map((provide) => ({ provide, useExisting: RECEIPTS })),
    ],
    exports: tokens,
  };
}

/** Has a service take the clients' messages that are receipts. */
function connect(name: string | undefined, receipts: ReceiptService, modules: ModuleRef): void {
  const find = <T>(token: InjectionToken<T>): T[] => {
    try {
      return modules.get<T>(token, { strict: false, each: true });
    } catch {
      return [];
    }
  };
  const needed = <T>(found: T | undefined, module: string): T => {
    if (found !== undefined) return found;
    const which = name === undefined ? 'without a name' : `with the name ${name}`;
    throw new RtcConfigError([{ option: MODULE, message: `needs ${module} ${which}` }], undefined, name);
  };
  const callbacks = find<CallbackSettings>(CALLBACK_SETTINGS).find((one) => one.name === name);
  const { consumers } = needed(callbacks, 'RtcCallbackModule');
  needed(find(getRoomUnicastToken(name))[0], 'RtcMessagingModule');
  consumers.push((message) => receipts.take(message));
}

function create(module: string, given: unknown, ofExtras: readonly ConfigProblem[]): ReceiptService {
  const { values, problems } = readOptions(RECEIPT_OPTIONS, given, MODULE);
  problems.push(...ofExtras);
  if (problems.length > 0) throw new RtcConfigError(problems, undefined, module);
  const { redis, maxAwaited } = values;
  const store =
    redis === undefined ? new MemoryReceiptStore(values) : new RedisReceiptStore(redis, module, values);
  return new ReceiptService(module, store, maxAwaited);
}
