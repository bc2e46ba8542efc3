import { type DynamicModule, Module } from '@nestjs/common';
import { DiscoveryModule, DiscoveryService, HttpAdapterHost } from '@nestjs/core';
import { createModuleClass } from '../config/create-module-class.js';
import { openOptions } from '../config/module-options.js';
import { DEFAULT_MODULE_NAME, readExtras } from '../config/registration.js';
import { emitTo } from '../diagnostics/channels.js';
import { OperatorLog } from '../diagnostics/operator-log.js';
import { moduleLogger } from '../module-logger.js';
import { getOwnReceiptsToken } from '../receipts/receipt-options.js';
import { getReceiptsToken, Receipts } from '../receipts/receipt.service.js';
import { openStore } from '../receipts/redis-receipt-store.js';
import type { RtcCallbackExtras, RtcCallbackOptions, RtcCallbackOptionsFactory } from './callback-options.js';
import { CALLBACK_SETTINGS, type CallbackSettings, resolveCallbackSettings } from './callback-settings.js';
import { Callbacks } from './callbacks.js';
import { ClientSignatureService, getClientSignatureToken } from './client-signature.service.js';
import { findHandlers } from './find-handlers.js';
import { mountRoutes } from './mount-routes.js';

const MODULE = 'RtcCallbackModule';
const OPTIONS = 'nestjs-rtc-messaging:callback-options';

/** What `RtcCallbackModule.forRoot()` registers, as with `RtcMessagingModule`. */
@Module({ imports: [DiscoveryModule] })
class RtcCallbackCoreModule {}

/**
 * Receives what the service sends to a business server: events of rooms and users, for `@OnRtcEvent()`, and clients'
 * messages, for `@OnClientMessage()` and for `ReceiptService`. Its services are injectable everywhere. It works with and
 * without `RtcMessagingModule`. Its routes stand outside of the app's global prefix, versioning, guards, pipes,
 * interceptors, filters and body parsers.
 */
@Module({})
export class RtcCallbackModule extends createModuleClass<
  RtcCallbackOptions,
  RtcCallbackExtras,
  RtcCallbackOptionsFactory
>({
  module: MODULE,
  core: RtcCallbackCoreModule,
  optionsToken: OPTIONS,
  factoryMethod: 'createRtcCallbackOptions',
  extras: { name: undefined },
  addExtras,
}) {}

function addExtras(definition: DynamicModule, given: RtcCallbackExtras): DynamicModule {
  const { name, problems } = readExtras({ name: given.name }, MODULE);
  const signatures = { provide: getClientSignatureToken(name), useClass: ClientSignatureService };
  const settings = {
    provide: CALLBACK_SETTINGS,
    inject: [OPTIONS],
    // When the app boots, `.env` files have been read.
    useFactory: (options: unknown) =>
      resolveCallbackSettings(openOptions(options), name, process.env, problems),
  };
  const receipts = {
    provide: getOwnReceiptsToken(name),
    inject: [CALLBACK_SETTINGS],
    useFactory: ({ receipts: given }: CallbackSettings) => {
      const module = name ?? DEFAULT_MODULE_NAME;
      const emit = emitTo([new OperatorLog(moduleLogger(module))]);
      return new Receipts(given && openStore(module, given), module, emit);
    },
  };
  const receiptService = { provide: getReceiptsToken(name), useExisting: receipts.provide };
  const inject = [CALLBACK_SETTINGS, HttpAdapterHost, DiscoveryService, receipts.provide];
  const callbacks = { provide: Callbacks, inject, useFactory: createCallbacks };
  return {
    ...definition,
    // Senders look for the receipts in their own modules.
    global: true,
    providers: [...(definition.providers ?? []), settings, signatures, receipts, receiptService, callbacks],
    exports: [signatures, receipts, receiptService].map(({ provide }) => provide),
  };
}

async function createCallbacks(
  settings: CallbackSettings,
  server: HttpAdapterHost,
  discovery: DiscoveryService,
  receipts: Receipts,
): Promise<Callbacks> {
  const callbacks = new Callbacks(settings, () => findHandlers(discovery, settings.name), receipts);
  await mountRoutes(server, callbacks.routes);
  // Has Nest destroy this module before all others, and initialise it after them: handlers at work, which a shutdown
  // waits for, need what the others have. Nest goes by the modules' distances from the app's own.
  for (const { token, host } of discovery.getProviders())
    if (token === CALLBACK_SETTINGS && host !== undefined) host.distance = -1;
  return callbacks;
}
