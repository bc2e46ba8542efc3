import type { Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { RtcMessagingModule, type RtcMessagingOptions } from '../index.js';

// Loaded when a subcommand runs, and not for its help.
export { RoomPresenceService, RoomUnicastService, RtcTokenService } from '../index.js';

/** Finds a part of an app. */
export type Find = <Part>(token: string | Type<Part>) => Part;

/**
 * Does something with the services, as an app would that has the module alone.
 * @throws RtcConfigError when the settings are wrong
 */
export async function withApp<T>(
  options: RtcMessagingOptions,
  use: (find: Find) => T | Promise<T>,
): Promise<T> {
  const messaging = RtcMessagingModule.forRoot(options);
  const how = { logger: false, abortOnError: false } as const;
  const app = await NestFactory.createApplicationContext(messaging, how);
  try {
    return await use((token) => app.get(token, { strict: false }));
  } finally {
    await app.close();
  }
}
