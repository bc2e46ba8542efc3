import { type DynamicModule, type Provider } from '@nestjs/common';
import { readExtras, type Registration } from './config/registration.js';
import { RTC_MESSAGING_REGISTRATION, RTC_MESSAGING_SETTINGS } from './config/tokens.js';
import {
  type ControllerSettings,
  readController,
  type RtcControllerOptions,
} from './controllers/controller-options.js';
import { type ActionControllers, createControllers, routesOf } from './controllers/create-controllers.js';
import type { RtcMessagingSettings } from './config/settings.js';
import { getOwnReceiptsToken } from './receipts/receipt-options.js';
import type { Receipts } from './receipts/receipt.service.js';
import { Sender } from './retry/sender.js';
import { ActionCaller } from './services/action-caller.js';
import { servicesOf } from './services/service-tokens.js';

/** What Nest must know before any async factory runs. */
export interface RtcMessagingExtras {
  /** Makes the services injectable everywhere without importing the module again. Default false. */
  isGlobal?: boolean | undefined;
  /**
   * Name of the module, for several accounts in one app: 1–64 of `a-z A-Z 0-9 . _ -`. Its services are injected by
   * `@InjectRoomUnicast(name)` and the like. Without a name, they are injected by their classes, so all modules without
   * a name must have the same settings.
   */
  name?: string | undefined;
  /** Mounts HTTP routes for the configured actions. Off by default. */
  controller?: RtcControllerOptions | undefined;
}

/** Nothing to inject: its factory documents the API when the app boots. */
const API_DOCS = 'nestjs-rtc-messaging:api-docs';
export const OPTIONS_TOKEN = 'nestjs-rtc-messaging:options';

/** Adds the services and the routes to the module's definition. */
export function addExtras(
  definition: DynamicModule,
  { controller: given, ...extras }: RtcMessagingExtras,
): DynamicModule {
  const { controller, problems: ofController } = readController(given);
  const { name, isGlobal, problems: ofExtras } = readExtras(extras);
  const problems = [...ofExtras, ...ofController];
  const mounted = problems.length === 0 ? controller : undefined;
  const registration: Registration = {
    name,
    problems,
    needsFrom: controller?.allowFrom === false,
    routes: mounted === undefined ? [] : routesOf(mounted),
  };
  const controllers: ActionControllers = mounted === undefined ? new Map() : createControllers(mounted, name);
  const services = servicesOf(name);
  return {
    ...definition,
    global: isGlobal,
    imports: [...(definition.imports ?? []), ...(mounted?.imports ?? [])],
    controllers: [...controllers.values()],
    providers: [
      ...(definition.providers ?? []),
      { provide: RTC_MESSAGING_REGISTRATION, useValue: registration },
      {
        provide: ActionCaller,
        inject: [RTC_MESSAGING_SETTINGS, Sender, { token: getOwnReceiptsToken(name), optional: true }],
        useFactory: (settings: RtcMessagingSettings, sender: Sender, receipts?: Receipts) => {
          if (receipts !== undefined) receipts.emit = sender.emit;
          return new ActionCaller(settings, sender, receipts?.store);
        },
      },
      ...services,
      ...(mounted === undefined ? [] : [apiDocsProvider(controllers, mounted)]),
    ],
    exports: services.map(({ provide }) => provide),
  };
}

function apiDocsProvider(controllers: ActionControllers, settings: ControllerSettings): Provider {
  const useFactory = async (): Promise<void> => {
    const { documentApi } = await import('./controllers/api-docs/document-api.js');
    await documentApi(controllers, settings);
  };
  return { provide: API_DOCS, useFactory };
}
