import { type DynamicModule, Module } from '@nestjs/common';
import { DiscoveryModule, DiscoveryService, HttpAdapterHost } from '@nestjs/core';
import { createModuleClass } from '../config/create-module-class.js';
import { openOptions } from '../config/module-options.js';
import { readExtras } from '../config/registration.js';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import type { RtcCallbackExtras, RtcCallbackOptions, RtcCallbackOptionsFactory } from './callback-options.js';
import {
  CALLBACK_SETTINGS,
  type CallbackSettings,
  MODULE,
  resolveCallbackSettings,
} from './callback-settings.js';
import { Callbacks } from './callbacks.js';
import { type ClientMessageConsumer, getClientMessageConsumersToken } from './client-message.js';
import { ClientSignatureService, getClientSignatureToken } from './client-signature.service.js';
import { findHandlers } from './find-handlers.js';
import { mountRoutes } from './mount-routes.js';

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

type CallbackParts = [CallbackSettings, ClientMessageConsumer[], HttpAdapterHost, DiscoveryService];

function addExtras(definition: DynamicModule, given: RtcCallbackExtras): DynamicModule {
  const { name, isGlobal, problems } = readExtras(given, MODULE);
  const signatures = { provide: getClientSignatureToken(name), useClass: ClientSignatureService };
  const consumers = { provide: getClientMessageConsumersToken(name), useFactory: () => [] };
  const settings = {
    provide: CALLBACK_SETTINGS,
    inject: [OPTIONS],
    // When the app boots, `.env` files have been read.
    useFactory: (options: unknown) =>
      resolveCallbackSettings(openOptions(options), name, process.env, problems),
  };
  const callbacks = {
    provide: Callbacks,
    inject: [CALLBACK_SETTINGS, consumers.provide, HttpAdapterHost, DiscoveryService],
    useFactory: async (...given: CallbackParts) => {
      const [own, list, host, discovery] = given;
      if (host.listening) {
        const message = 'must be imported when the app boots, since routes cannot be added later';
        throw new RtcConfigError([{ option: 'RtcCallbackModule', message }], undefined, name);
      }
      const made = new Callbacks(own, list, () => findHandlers(name, discovery));
      await mountRoutes(host, made.routes);
      destroyFirst(discovery);
      return made;
    },
  };
  return {
    ...definition,
    global: isGlobal,
    providers: [...(definition.providers ?? []), settings, signatures, consumers, callbacks],
    exports: [signatures.provide, consumers.provide],
  };
}

/**
 * Has Nest destroy this module before all others, and initialise it after them: handlers at work, which a shutdown waits
 * for, need what the others have. Nest goes by the modules' distances from the app's own.
 */
function destroyFirst(discovery: DiscoveryService): void {
  for (const { token, host } of discovery.getProviders()) {
    if (token === CALLBACK_SETTINGS && host !== undefined) host.distance = -1;
  }
}
