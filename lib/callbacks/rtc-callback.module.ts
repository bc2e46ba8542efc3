import { ConfigurableModuleBuilder, type DynamicModule, Module } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import {
  failBareImport,
  hideOptions,
  openOptions,
  requireFactory,
  requireObject,
} from '../config/module-options.js';
import type { RtcCallbackExtras, RtcCallbackOptions, RtcCallbackOptionsFactory } from './callback-options.js';
import { resolveCallbackSettings } from './callback-settings.js';
import { getClientMessageConsumersToken } from './client-message.js';
import { ClientSignatureService, getClientSignatureToken } from './client-signature.service.js';
import { RtcCallbackCoreModule, rtcCallbackConfig } from './rtc-callback-core.module.js';
import { CALLBACK_SETTINGS } from './tokens.js';

const OPTIONS = 'nestjs-rtc-messaging:callback-options';

const { ConfigurableModuleClass, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<RtcCallbackOptions>({
    optionsInjectionToken: OPTIONS,
    // Nest must not take two modules for one with `moduleIdGeneratorAlgorithm: 'deep-hash'`: it can't see their options.
    alwaysTransient: true,
  })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createRtcCallbackOptions' satisfies keyof RtcCallbackOptionsFactory)
    .setExtras<RtcCallbackExtras>({ name: undefined, isGlobal: false }, addExtras)
    .build();

/**
 * Receives what the service sends to a business server: events of rooms and users, for `@OnRtcEvent()`, and clients'
 * messages, for `@OnClientMessage()`. It works with and without `RtcMessagingModule`. Its routes stand outside of the
 * app's global prefix, versioning, guards, pipes, interceptors, filters and body parsers.
 */
@Module({ imports: [failBareImport('RtcCallbackModule')] })
export class RtcCallbackModule extends ConfigurableModuleClass {
  /**
   * Registers the module. Options that are not set are read from the environment.
   * @throws RtcConfigError when the app boots, listing every problem
   */
  static override forRoot(options: typeof OPTIONS_TYPE = {}): DynamicModule {
    requireObject('RtcCallbackModule.forRoot()', options);
    return { ...super.forRoot(options), module: RtcCallbackCoreModule };
  }

  /**
   * Registers the module with options from a factory, a class or an existing provider. `name` and `isGlobal` stand
   * beside it.
   * @throws RtcConfigError when the app boots, listing every problem
   */
  static override forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    requireFactory('RtcCallbackModule.forRootAsync()', options);
    return { ...super.forRootAsync(options), module: RtcCallbackCoreModule };
  }
}

function addExtras(definition: DynamicModule, { name, isGlobal }: RtcCallbackExtras): DynamicModule {
  const signatures = { provide: getClientSignatureToken(name), useClass: ClientSignatureService };
  const consumers = { provide: getClientMessageConsumersToken(name), useFactory: () => [] };
  return {
    ...definition,
    global: isGlobal ?? false,
    providers: [
      ...hideOptions(definition.providers, OPTIONS),
      {
        provide: CALLBACK_SETTINGS,
        // The environment is read when the factory runs, after `.env` files.
        inject: [OPTIONS, HttpAdapterHost, rtcCallbackConfig.KEY],
        useFactory: (options: unknown, app: HttpAdapterHost) =>
          resolveCallbackSettings(openOptions(options), name, process.env, app),
      },
      signatures,
      consumers,
    ],
    exports: [signatures.provide, consumers.provide],
  };
}
