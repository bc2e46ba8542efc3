import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { RtcMessagingSettings } from '../config/settings.js';
import { RTC_MESSAGING_SETTINGS } from '../config/tokens.js';
import { RtcMessagingModule, type RtcMessagingOptions } from '../index.js';

/**
 * Does something with the services, as an app would that has the module alone.
 * @throws RtcConfigError when the settings are wrong
 */
export async function withApp<T>(
  options: RtcMessagingOptions,
  use: (app: INestApplicationContext, settings: RtcMessagingSettings) => Promise<T>,
): Promise<T> {
  const app = await NestFactory.createApplicationContext(RtcMessagingModule.forRoot(options), {
    logger: false,
    abortOnError: false,
  });
  try {
    return await use(app, app.get<RtcMessagingSettings>(RTC_MESSAGING_SETTINGS, { strict: false }));
  } finally {
    await app.close();
  }
}
