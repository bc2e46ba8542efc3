import { NestFactory } from '@nestjs/core';
import type { RtcMessagingSettings } from '../config/settings.js';
import { RTC_MESSAGING_SETTINGS } from '../config/tokens.js';
import {
  RoomPresenceService,
  RoomUnicastService,
  RtcMessagingModule,
  type RtcMessagingOptions,
  RtcTokenService,
} from '../index.js';

/** What subcommands use of an app. */
export interface App {
  readonly settings: RtcMessagingSettings;
  readonly messages: RoomUnicastService;
  readonly presence: RoomPresenceService;
  readonly tokens: RtcTokenService;
}

/**
 * Does something with the services, as an app would that has the module alone.
 * @throws RtcConfigError when the settings are wrong
 */
export async function withApp<T>(
  options: RtcMessagingOptions,
  use: (app: App) => T | Promise<T>,
): Promise<T> {
  const app = await NestFactory.createApplicationContext(RtcMessagingModule.forRoot(options), {
    logger: false,
    abortOnError: false,
  });
  try {
    return await use({
      settings: app.get<RtcMessagingSettings>(RTC_MESSAGING_SETTINGS, { strict: false }),
      messages: app.get(RoomUnicastService, { strict: false }),
      presence: app.get(RoomPresenceService, { strict: false }),
      tokens: app.get(RtcTokenService, { strict: false }),
    });
  } finally {
    await app.close();
  }
}
