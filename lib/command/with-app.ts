import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { RtcMessagingSettings } from '../config/settings.js';
import { RTC_MESSAGING_SETTINGS } from '../config/tokens.js';
import { RtcMessagingModule, type RtcMessagingOptions } from '../index.js';

// Loaded when a subcommand runs, and not for its help.
export { RoomPresenceService, RoomUnicastService, RtcTokenService } from '../index.js';

/**
 * Does something with the services, as an app would that has the module alone.
 * @throws RtcConfigError when the settings are wrong
 */
export async function withApp<T>(
  options: RtcMessagingOptions,
  use: (app: INestApplicationContext, settings: RtcMessagingSettings) => T | Promise<T>,
): Promise<T> {
  const messaging = RtcMessagingModule.forRoot(options);
  const how = { logger: false, abortOnError: false } as const;
  const app = await NestFactory.createApplicationContext(messaging, how);
  try {
    return await use(app, app.get<RtcMessagingSettings>(RTC_MESSAGING_SETTINGS));
  } finally {
    await app.close();
  }
}
