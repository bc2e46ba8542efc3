import { type DynamicModule, Module } from '@nestjs/common';
import { failBareImport } from './config/bare-import.js';
import { typeName } from './options/rules.js';
import { RtcConfigError } from './errors/rtc-config.error.js';
import { RtcMessagingCoreModule } from './rtc-messaging-core.module.js';
import {
  ASYNC_OPTIONS_TYPE,
  ConfigurableModuleClass,
  OPTIONS_TYPE,
} from './rtc-messaging.module-definition.js';

/**
 * Brings the services, configured by options, by the environment, or by both. Calls that are under way when the app
 * begins to close may finish within `shutdownTimeoutMs`.
 */
@Module({ imports: [failBareImport('RtcMessagingModule')] })
export class RtcMessagingModule extends ConfigurableModuleClass {
  /**
   * Without options, everything is read from the environment.
   * @throws RtcConfigError when the app boots, listing everything that is wrong
   */
  static override forRoot(options: typeof OPTIONS_TYPE = {}): DynamicModule {
    requireObject('forRoot()', options);
    return { ...super.forRoot(options), module: RtcMessagingCoreModule };
  }

  /**
   * With options from a factory, a class or an existing provider. `isGlobal`, `name` and `controller` stand beside it.
   * @throws RtcConfigError when the app boots, listing everything that is wrong
   */
  static override forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    requireObject('forRootAsync()', options);
    if (!(options.useFactory ?? options.useClass ?? options.useExisting)) {
      throw new RtcConfigError([
        { option: 'forRootAsync()', message: 'must be given useFactory, useClass or useExisting' },
      ]);
    }
    return { ...super.forRootAsync(options), module: RtcMessagingCoreModule };
  }
}

/** Told here, since Nest would only say that it could not read something of it. */
function requireObject(name: string, options: unknown): void {
  if (typeof options === 'object' && options !== null) return;
  throw new RtcConfigError([{ option: name, message: `must be given an object, got ${typeName(options)}` }]);
}
