import {
  Inject,
  Module,
  type BeforeApplicationShutdown,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import type { Server } from 'node:http';
import { MODULE_OPTIONS } from './config/module-option-table.js';
import { openOptions } from './config/module-options.js';
import { conflictProblems, unnamedProblems } from './config/module-conflicts.js';
import type { Registration } from './config/registration.js';
import { describeSettings, resolveSettings, unusableSettings } from './config/resolve-settings.js';
import { rtcMessagingConfig } from './config/rtc-messaging.config.js';
import { RTC_MESSAGING_REGISTRATION, RTC_MESSAGING_SETTINGS } from './config/tokens.js';
import type { RtcMessagingSettings } from './config/settings.js';
import { createSender } from './create-sender.js';
import { RtcConfigError } from './errors/rtc-config.error.js';
import { HealthRecord } from './health/health-record.js';
import type { Environment } from './options/read-options.js';
import { readVariables } from './options/read-variables.js';
import { moduleLogger } from './module-logger.js';
import { servicesOf } from './services/service-tokens.js';
import { Sender } from './retry/sender.js';
import { OPTIONS_TOKEN } from './rtc-messaging.module-definition.js';

/** Interval at which idle connections are closed during a shutdown, in milliseconds. */
const DROP_EVERY_MS = 50;

/**
 * The module that `RtcMessagingModule.forRoot()` registers. It is a class of its own, so that an import of
 * `RtcMessagingModule` without `forRoot()` can be reported.
 *
 * Nest calls each hook of a module after that of the modules that import it, and closes the HTTP server between the
 * second hook and the third. A handler that waits for a call keeps the server open. So the shutdown's time limit starts
 * in the first hook.
 */
@Module({
  imports: [ConfigModule.forFeature(rtcMessagingConfig)],
  providers: [
    {
      provide: RTC_MESSAGING_SETTINGS,
      inject: [OPTIONS_TOKEN, rtcMessagingConfig.KEY, RTC_MESSAGING_REGISTRATION, ModulesContainer],
      useFactory: settleModule,
    },
    { provide: HealthRecord, useFactory: () => new HealthRecord() },
    { provide: Sender, inject: [RTC_MESSAGING_SETTINGS, HealthRecord], useFactory: createSender },
  ],
})
export class RtcMessagingCoreModule
  implements OnModuleDestroy, BeforeApplicationShutdown, OnApplicationShutdown
{
  #dropping: NodeJS.Timeout | undefined;

  constructor(
    @Inject(Sender) private readonly sender: Sender,
    private readonly adapterHost: HttpAdapterHost,
  ) {}

  onModuleDestroy(): void {
    this.sender.startClosing();
  }

  beforeApplicationShutdown(): void {
    this.sender.refuseCalls();
    this.#dropping ??= setInterval(() => this.#dropIdleConnections(), DROP_EVERY_MS).unref();
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.#dropping);
    await this.sender.close();
  }

  /**
   * Closes connections that become idle after the server was closed. Node closes only those that are idle at that time.
   * A client that keeps its connection would delay the shutdown by seconds.
   */
  #dropIdleConnections(): void {
    const server = (
      this.adapterHost.httpAdapter as HttpAdapterHost['httpAdapter'] | undefined
    )?.getHttpServer() as Partial<Server> | undefined;
    if (server?.listening === false) server.closeIdleConnections?.();
  }
}

/** The settings of a module, if it is right by itself and beside the others of its app. */
function settleModule(
  options: unknown,
  environment: Environment,
  registration: Registration,
  modules: ModulesContainer,
): RtcMessagingSettings {
  const { name } = registration;
  // Registrations are `useValue` providers, so those of all modules exist before any other provider is made.
  const others = [...modules.values()]
    .map(({ providers }) => providers.get(RTC_MESSAGING_REGISTRATION)?.instance as Registration | undefined)
    .filter((other) => other !== undefined && other !== registration) as Registration[];
  const problems = [...(registration.problems ?? []), ...conflictProblems(registration, others)];
  // The namespace holds no secrets, so these are read here.
  const known = Object.assign(readVariables(MODULE_OPTIONS, process.env, '', true), environment);
  let settings: RtcMessagingSettings;
  try {
    settings = resolveSettings(openOptions(options), known, { ...registration, problems });
  } catch (error) {
    const mayLack = error instanceof RtcConfigError && problems.length === 0;
    if (mayLack && isServiceReplaced(modules, registration)) return unusableSettings(error, name);
    throw error;
  }
  const unnamed = name === undefined ? unnamedProblems(settings, others) : [];
  if (unnamed.length > 0) throw new RtcConfigError(unnamed);
  registration.settings = settings;
  moduleLogger(settings.name).log(describeSettings(settings));
  return settings;
}

/** Whether a test has put something of its own in place of a service (`overrideProvider`), and so may lack settings. */
function isServiceReplaced(modules: ModulesContainer, registration: Registration): boolean {
  const own = [...modules.values()].find(
    ({ providers }) => providers.get(RTC_MESSAGING_REGISTRATION)?.instance === registration,
  );
  return servicesOf(registration.name).some(
    ({ provide, useClass }) => own?.providers.get(provide)?.metatype !== useClass,
  );
}
