import { type DynamicModule, Module } from '@nestjs/common';
import { failBareImport, requireFactory, requireObject } from './config/module-options.js';
import { RtcMessagingCoreModule } from './rtc-messaging-core.module.js';
import {
  ASYNC_OPTIONS_TYPE,
  ConfigurableModuleClass,
  OPTIONS_TYPE,
} from './rtc-messaging.module-definition.js';

/**
 * Provides the services, configured by options, by the environment, or by both. When the app closes, calls in flight
 * may finish within `shutdownTimeoutMs`.
 */
@Module({ imports: [failBareImport('RtcMessagingModule')] })
export class RtcMessagingModule extends ConfigurableModuleClass {
  /**
   * Registers the module. Options that are not set are read from the environment.
   * @throws RtcConfigError when the app boots, listing every problem
   */
  static override forRoot(options: typeof OPTIONS_TYPE = {}): DynamicModule {
    return { ...super.forRoot(requireObject('forRoot()', options)), module: RtcMessagingCoreModule };
  }

  /**
   * Registers the module with options from a factory, a class or an existing provider. `isGlobal`, `name` and
   * `controller` stand beside it.
   * @throws RtcConfigError when the app boots, listing every problem
   */
  static override forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    return {
      ...super.forRootAsync(requireFactory('forRootAsync()', options)),
      module: RtcMessagingCoreModule,
    };
  }
}
