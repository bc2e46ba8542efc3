import { type BeforeApplicationShutdown, Inject, Module, type OnModuleInit } from '@nestjs/common';
import { ConfigModule, registerAs } from '@nestjs/config';
import { DiscoveryModule, DiscoveryService, HttpAdapterHost, MetadataScanner, ModuleRef } from '@nestjs/core';
import { readVariables } from '../options/read-variables.js';
import { CALLBACK_OPTIONS, type CallbackSettings } from './callback-settings.js';
import { Callbacks } from './callbacks.js';
import { getClientMessageConsumersToken } from './client-message.js';
import { contextsWithoutGlobals, findHandlers, handlersFor } from './find-handlers.js';
import { mountRoutes } from './mount-routes.js';
import { CALLBACK_SETTINGS } from './tokens.js';

/** Nothing secret. It has `ConfigModule.forRoot()` load a `.env` file before the settings are read. */
export const rtcCallbackConfig = registerAs('rtcCallbacks', () =>
  readVariables(CALLBACK_OPTIONS, process.env, false),
);

/** What `RtcCallbackModule.forRoot()` registers, as with `RtcMessagingModule`. */
@Module({
  imports: [ConfigModule.forFeature(rtcCallbackConfig), DiscoveryModule],
  providers: [
    {
      provide: Callbacks,
      inject: [CALLBACK_SETTINGS, HttpAdapterHost],
      useFactory: async (settings: CallbackSettings, host: HttpAdapterHost): Promise<Callbacks> => {
        const callbacks = new Callbacks(settings);
        await mountRoutes(host, callbacks.routes);
        return callbacks;
      },
    },
  ],
})
export class RtcCallbackCoreModule implements OnModuleInit, BeforeApplicationShutdown {
  constructor(
    @Inject(CALLBACK_SETTINGS) private readonly settings: CallbackSettings,
    private readonly callbacks: Callbacks,
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly moduleRef: ModuleRef,
  ) {}

  /** Handlers are found here, since now all providers are made. */
  onModuleInit(): void {
    const { name } = this.settings;
    const contexts = contextsWithoutGlobals(this.moduleRef);
    const handlers = handlersFor(name, findHandlers(this.discovery, this.scanner, contexts));
    this.callbacks.open(handlers, this.moduleRef.get(getClientMessageConsumersToken(name)));
  }

  /** Before the server closes, and before what handlers work with is destroyed in `onApplicationShutdown`. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.callbacks.close();
  }
}
