import { type DynamicModule, Module } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { createModuleClass } from '../config/create-module-class.js';
import { openOptions } from '../config/module-options.js';
import { DEFAULT_MODULE_NAME, readExtras } from '../config/registration.js';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import { readOptions } from '../options/read-options.js';
import { getReceiptTrackerToken } from '../services/receipt-tracker.js';
import { RECEIPT_OPTIONS, type RtcReceiptOptions } from './receipt-options.js';
import { MemoryReceiptStore, type ReceiptStore } from './receipt-store.js';
import { createReceipts, getReceiptsToken } from './receipt.service.js';
import { createRedisStore } from './redis-receipt-store.js';

const OPTIONS = 'nestjs-rtc-messaging:receipt-options';
const MODULE = 'RtcReceiptModule';

/** Makes the options, for `useClass` and `useExisting`. */
export interface RtcReceiptOptionsFactory {
  /** Called once, when the app boots. */
  createRtcReceiptOptions(): Promise<RtcReceiptOptions> | RtcReceiptOptions;
}

/** What Nest must know before any async factory runs. */
export interface RtcReceiptExtras {
  /** Name of the `RtcMessagingModule` and of the `RtcCallbackModule` that it belongs to, if they have one. */
  readonly name?: string | undefined;
}

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
  const tracker = {
    provide: getReceiptTrackerToken(name),
    inject: [OPTIONS],
    useFactory: (options: unknown): ReceiptStore => {
      const { values, problems } = readOptions(RECEIPT_OPTIONS, openOptions(options), MODULE);
      if (problems.push(...ofExtras) > 0) throw new RtcConfigError(problems, undefined, name);
      if (values.redis !== undefined) return createRedisStore(name ?? DEFAULT_MODULE_NAME, values);
      return new MemoryReceiptStore(values);
    },
  };
  const receipts = {
    provide: getReceiptsToken(name),
    inject: [ModulesContainer, tracker.provide],
    useFactory: createReceipts.bind(undefined, name),
  };
  return {
    ...definition,
    // Senders look for it in their own modules.
    global: true,
    providers: [...(definition.providers ?? []), tracker, receipts],
    exports: [tracker.provide, receipts.provide],
  };
}
