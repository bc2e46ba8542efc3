import { type DynamicModule, Module } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { createModuleClass } from '../config/create-module-class.js';
import { openOptions } from '../config/module-options.js';
import { DEFAULT_MODULE_NAME, readExtras } from '../config/registration.js';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import { readOptions } from '../options/read-options.js';
import { getReceiptTrackerToken } from '../services/receipt-tracker.js';
import { MemoryReceiptStore } from './memory-receipt-store.js';
import {
  RECEIPT_OPTIONS,
  type RtcReceiptExtras,
  type RtcReceiptOptions,
  type RtcReceiptOptionsFactory,
} from './receipt-options.js';
import { createReceipts, getReceiptsToken } from './receipt.service.js';
import { RedisReceiptStore } from './redis-receipt-store.js';

const OPTIONS = 'nestjs-rtc-messaging:receipt-options';
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
  const { name, problems: ofExtras } = readExtras({ name: given.name }, MODULE);
  const receipts = {
    provide: getReceiptsToken(name),
    inject: [OPTIONS, ModuleRef],
    useFactory: (options: unknown, modules: ModuleRef) => {
      const { values, problems } = readOptions(RECEIPT_OPTIONS, openOptions(options), MODULE);
      problems.push(...ofExtras);
      if (problems.length > 0) throw new RtcConfigError(problems, undefined, name);
      const store =
        values.redis === undefined
          ? new MemoryReceiptStore(values)
          : new RedisReceiptStore(values.redis, name ?? DEFAULT_MODULE_NAME, values);
      return createReceipts(name, modules, values.maxAwaited, store);
    },
  };
  const tracker = { provide: getReceiptTrackerToken(name), useExisting: receipts.provide };
  return {
    ...definition,
    // Senders look for it in their own modules.
    global: true,
    providers: [...(definition.providers ?? []), receipts, tracker],
    exports: [receipts.provide, tracker.provide],
  };
}
