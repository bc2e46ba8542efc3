import { type DynamicModule, Module, type OnApplicationShutdown } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { ModulesContainer } from '@nestjs/core';
import { type Environment, readSecrets } from './config/environment.js';
import { typeName } from './config/option-rules.js';
import { conflictProblems, type Registration } from './config/registration.js';
import { resolveSettings } from './config/resolve-settings.js';
import { rtcMessagingConfig } from './config/rtc-messaging.config.js';
import { RTC_MESSAGING_REGISTRATION, RTC_MESSAGING_SETTINGS } from './config/tokens.js';
import type { RtcMessagingSettings } from './config/settings.js';
import { unusableSettings } from './config/unusable-settings.js';
import { Redacted } from './privacy/redacted.js';
import { RtcConfigError } from './errors/rtc-config.error.js';
import { HealthRecord } from './health/health-record.js';
import { Sender } from './retry/sender.js';
import { senderProvider } from './sender.provider.js';
import {
  ASYNC_OPTIONS_TYPE,
  ConfigurableModuleClass,
  MODULE_OPTIONS_TOKEN,
  OPTIONS_TYPE,
} from './rtc-messaging.module-definition.js';
import { ActionCaller } from './services/action-caller.js';
import { exportServices } from './services/export-services.js';
import { telemetryProvider } from './telemetry.provider.js';

/**
 * Brings `RoomUnicastService`, configured by options, by the environment, or by both. Calls that are under way
 * when the app closes may finish within `shutdownTimeoutMs`.
 */
@Module({
  imports: [ConfigModule.forFeature(rtcMessagingConfig)],
  providers: [
    {
      provide: RTC_MESSAGING_SETTINGS,
      inject: [MODULE_OPTIONS_TOKEN, rtcMessagingConfig.KEY, RTC_MESSAGING_REGISTRATION, ModulesContainer],
      useFactory: (
        options: unknown,
        environment: Environment,
        registration: Registration,
        modules: ModulesContainer,
      ) => {
        const conflicts = conflictProblems(registration, otherRegistrations(modules, registration));
        const problems = [...registration.problems, ...conflicts];
        // A test may have put plain options in their place.
        const given = options instanceof Redacted ? options.open() : options;
        const secrets = readSecrets(process.env);
        try {
          const known = Object.assign(Object.create(null), environment, secrets) as Environment;
          return resolveSettings(given, known, { ...registration, problems });
        } catch (error) {
          if (!(error instanceof RtcConfigError) || problems.length > 0) throw error;
          if (!isServiceReplaced(modules, registration)) throw error;
          return unusableSettings(error, registration);
        }
      },
    },
    telemetryProvider,
    { provide: HealthRecord, useFactory: () => new HealthRecord() },
    senderProvider,
    {
      provide: ActionCaller,
      inject: [RTC_MESSAGING_SETTINGS, Sender],
      useFactory: (settings: RtcMessagingSettings, sender: Sender) => new ActionCaller(settings, sender),
    },
  ],
})
export class RtcMessagingModule extends ConfigurableModuleClass implements OnApplicationShutdown {
  constructor(private readonly sender: Sender) {
    super();
  }

  /**
   * Without options, everything is read from the environment.
   * @throws RtcConfigError when the app boots, listing everything that is wrong
   */
  static override forRoot(options: typeof OPTIONS_TYPE = {}): DynamicModule {
    requireObject('forRoot()', options);
    return super.forRoot(options);
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
    return super.forRootAsync(options);
  }

  /** Lets what is in flight finish within `shutdownTimeoutMs`; new calls are refused. */
  onApplicationShutdown(): Promise<void> {
    return this.sender.close();
  }
}

/** Told here, since Nest would only say that it could not read something of it. */
function requireObject(name: string, options: unknown): void {
  if (typeof options === 'object' && options !== null) return;
  throw new RtcConfigError([{ option: name, message: `must be given an object, got ${typeName(options)}` }]);
}

/** Whether a test has put something of its own in place of a service (`overrideProvider`), and so may lack settings. */
function isServiceReplaced(modules: ModulesContainer, registration: Registration): boolean {
  const own = [...modules.values()].find(
    ({ providers }) => providers.get(RTC_MESSAGING_REGISTRATION)?.instance === registration,
  );
  return exportServices(registration.name).providers.some(
    ({ provide, useClass }) => own?.providers.get(provide)?.metatype !== useClass,
  );
}

/** They are values, and so there before any provider is made. */
function otherRegistrations(modules: ModulesContainer, own: Registration): Registration[] {
  return [...modules.values()]
    .map(({ providers }) => providers.get(RTC_MESSAGING_REGISTRATION)?.instance as Registration | undefined)
    .filter((registration) => registration !== undefined && registration !== own) as Registration[];
}
