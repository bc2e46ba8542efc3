import { Module, type OnApplicationShutdown } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { ModulesContainer } from '@nestjs/core';
import type { Environment } from './config/environment.js';
import { conflictProblems, type Registration } from './config/registration.js';
import { resolveSettings } from './config/resolve-settings.js';
import { rtcMessagingConfig } from './config/rtc-messaging.config.js';
import { RTC_MESSAGING_REGISTRATION, RTC_MESSAGING_SETTINGS } from './config/tokens.js';
import type { RtcMessagingSettings } from './config/settings.js';
import { HealthRecord } from './health/health-record.js';
import { Sender } from './retry/sender.js';
import { senderProvider } from './sender.provider.js';
import { MODULE_OPTIONS_TOKEN } from './rtc-messaging.module-definition.js';
import { ActionCaller } from './services/action-caller.js';
import { telemetryProvider } from './telemetry.provider.js';

/**
 * What `RtcMessagingModule.forRoot()` registers: a class of its own, so that `RtcMessagingModule` itself, imported
 * without `forRoot()`, can say so.
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
        return resolveSettings(options, environment, { ...registration, problems });
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
export class RtcMessagingCoreModule implements OnApplicationShutdown {
  constructor(private readonly sender: Sender) {}

  /** Lets what is in flight finish within `shutdownTimeoutMs`; new calls are refused. */
  onApplicationShutdown(): Promise<void> {
    return this.sender.close();
  }
}

/** They are values, and so there before any provider is made. */
function otherRegistrations(modules: ModulesContainer, own: Registration): Registration[] {
  return [...modules.values()]
    .map(({ providers }) => providers.get(RTC_MESSAGING_REGISTRATION)?.instance as Registration | undefined)
    .filter((registration) => registration !== undefined && registration !== own) as Registration[];
}
