import { type DynamicModule, Inject, type InjectionToken, Module, type OnModuleInit } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { getClientMessageConsumersToken } from '../callbacks/client-message.js';
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
const NAME = 'nestjs-rtc-messaging:receipt-module-name';
const RECEIPTS = 'nestjs-rtc-messaging:receipts';
const MODULE = 'RtcReceiptModule';

/** What `RtcReceiptModule.forRoot()` registers, as with `RtcMessagingModule`. */
@Module({})
class RtcReceiptCoreModule implements OnModuleInit {
  constructor(
    @Inject(NAME) private readonly name: { readonly name: string | undefined },
    @Inject(RECEIPTS) private readonly receipts: ReceiptService,
    private readonly moduleRef: ModuleRef,
  ) {}

  /** Both modules are there now, wherever the app imports them. */
  onModuleInit(): void {
    const { name } = this.name;
    const consumers = this.#find(getClientMessageConsumersToken(name), 'RtcCallbackModule');
    this.#find(getRoomUnicastToken(name), 'RtcMessagingModule');
    consumers.push((message) => this.receipts.take(message));
  }

  #find<T>(token: InjectionToken<T>, module: string): T {
    const { name } = this.name;
    try {
      return this.moduleRef.get<T>(token, { strict: false });
    } catch {
      const which = name === undefined ? 'a name' : `the name ${name}`;
      const message = `needs ${module} with${name === undefined ? 'out' : ''} ${which}`;
      throw new RtcConfigError([{ option: MODULE, message }], undefined, name);
    }
  }
}

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
      { provide: NAME, useValue: { name } },
      {
        provide: RECEIPTS,
        inject: [OPTIONS],
        useFactory: (options: unknown) => create(module, openOptions(options), problems),
      },
      ...tokens.map((provide) => ({ provide, useExisting: RECEIPTS })),
    ],
    exports: tokens,
  };
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
