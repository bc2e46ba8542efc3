import { ConfigurableModuleBuilder, type DynamicModule, type Provider } from '@nestjs/common';
import type { ControllerNeeds } from './config/resolve-settings.js';
import type { RtcMessagingOptions, RtcMessagingOptionsFactory } from './config/rtc-messaging-options.js';
import { sealOptions } from './config/seal-options.js';
import { controllerProblems, type RtcControllerOptions } from './controllers/controller-options.js';
import { createRoomUnicastController } from './controllers/create-room-unicast.controller.js';

/** What Nest must know before any async factory runs. */
export interface RtcMessagingExtras {
  /** Makes the services injectable everywhere without importing the module again. Default false. */
  isGlobal?: boolean;
  /** Mounts `POST {path}/rooms/:roomId/unicast`. Off by default. */
  controller?: RtcControllerOptions;
}

/** Found while the module was being put together; told with the settings' problems when it boots. */
export const CONTROLLER_NEEDS = 'nestjs-rtc-messaging:controller-needs';

const OPTIONS_TOKEN = 'nestjs-rtc-messaging:options';

const builder = new ConfigurableModuleBuilder<RtcMessagingOptions>({
  optionsInjectionToken: OPTIONS_TOKEN,
})
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createRtcMessagingOptions' satisfies keyof RtcMessagingOptionsFactory)
  .setExtras<RtcMessagingExtras>({ isGlobal: false, controller: undefined }, addExtras)
  .build();

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } = builder;

function addExtras(definition: DynamicModule, { isGlobal, controller }: RtcMessagingExtras): DynamicModule {
  const problems = controllerProblems(controller);
  const needs: ControllerNeeds = {
    problems,
    needsFrom: controller !== undefined && controller?.allowFrom !== true,
  };
  const mounted = controller !== undefined && problems.length === 0 ? controller : undefined;
  return {
    ...definition,
    global: isGlobal ?? false,
    imports: [...(definition.imports ?? []), ...(mounted?.imports ?? [])],
    controllers: mounted === undefined ? [] : [createRoomUnicastController(mounted)],
    providers: [
      ...(definition.providers ?? []).map(sealOptionsProvider),
      { provide: CONTROLLER_NEEDS, useValue: needs },
    ],
  };
}

/** Whatever prints the app's providers must not print a secret key. */
function sealOptionsProvider(provider: Provider): Provider {
  if (!('provide' in provider) || provider.provide !== OPTIONS_TOKEN) return provider;
  if ('useValue' in provider) return { ...provider, useValue: sealOptions(provider.useValue) };
  if (!('useFactory' in provider)) return provider;
  const { useFactory } = provider;
  return {
    ...provider,
    useFactory: async (...injected: unknown[]) => sealOptions(await useFactory(...injected)),
  };
}
