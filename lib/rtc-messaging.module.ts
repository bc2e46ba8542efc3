import { Module } from '@nestjs/common';
import { createModuleClass } from './config/create-module-class.js';
import type { RtcMessagingOptions, RtcMessagingOptionsFactory } from './config/rtc-messaging-options.js';
import { RtcMessagingCoreModule } from './rtc-messaging-core.module.js';
import { addExtras, OPTIONS_TOKEN, type RtcMessagingExtras } from './rtc-messaging.module-definition.js';

/**
 * Provides the services, configured by options, by the environment, or by both. When the app closes, calls in flight
 * may finish within `shutdownTimeoutMs`.
 */
@Module({})
export class RtcMessagingModule extends createModuleClass<
  RtcMessagingOptions,
  RtcMessagingExtras,
  RtcMessagingOptionsFactory
>({
  module: 'RtcMessagingModule',
  core: RtcMessagingCoreModule,
  optionsToken: OPTIONS_TOKEN,
  factoryMethod: 'createRtcMessagingOptions',
  extras: { isGlobal: false, name: undefined, controller: undefined },
  addExtras,
}) {}
