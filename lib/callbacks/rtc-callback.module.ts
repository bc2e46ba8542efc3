import { type DynamicModule, Module } from '@nestjs/common';
import { DiscoveryModule, DiscoveryService, HttpAdapterHost } from '@nestjs/core';
import { createModuleClass } from '../config/create-module-class.js';
import { openOptions } from '../config/module-options.js';
import { readExtras } from '../config/registration.js';
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
 * messages, for `@OnClientMessage()`. It works with and without `RtcMessagingModule`. Its routes stand outside of the
 * app's global prefix, versioning, guards, pipes, interceptors, filters and body parsers.
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
  extras: { name: undefined, isGlobal: false },
  addExtras,
}) {}

function addExtras(definition: DynamicModule, given: RtcCallbackExtras): DynamicModule {
  const { name, isGlobal, problems } = readExtras(given, MODULE);
  const signatures = { provide: getClientSignatureToken(name), useClass: ClientSignatureService };
  const settings = {
    provide: CALLBACK_SETTINGS,
    inject: [OPTIONS],
    // When the app boots, `.env` files have been read.
    useFactory: (options: unknown) =>
      resolveCallbackSettings(openOptions(options), name, process.env, problems),
  };
  const inject = [CALLBACK_SETTINGS, HttpAdapterHost, DiscoveryService];
  const callbacks = { provide: Callbacks, inject, useFactory: createCallbacks };
  return {
    ...definition,
    global: isGlobal,
    providers: [...(definition.providers ?? []), settings, signatures, callbacks],
    exports: [signatures.provide],
  };
}

async function createCallbacks(
  settings: CallbackSettings,
  server: HttpAdapterHost,
  discovery: DiscoveryService,
): Promise<Callbacks> {
  const callbacks = new Callbacks(settings, () => findHandlers(discovery, settings.name));
  await mountRoutes(server, callbacks.routes);
  // Has Nest destroy this module before all others, and initialise it after them: handlers at work, which a shutdown
  // waits for, need what the others have. Nest goes by the modules' distances from the app's own.
  for (const { token, host } of discovery.getProviders())
    if (token === CALLBACK_SETTINGS && host !== undefined) host.distance = -1;
  return callbacks;
}
