import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { RtcMessagingModule, type RtcMessagingOptions } from '../index.js';

/**
 * Does something with the services, as an app would that has the module alone.
 * @throws RtcConfigError when the settings are wrong
 */
export async function withApp<T>(
  options: RtcMessagingOptions,
  use: (app: INestApplicationContext) => Promise<T>,
): Promise<T> {
  const app = await NestFactory.createApplicationContext(RtcMessagingModule.forRoot(options), {
    logger: false,
    abortOnError: false,
  });
  try {
    return await use(app);
  } finally {
    await app.close();
  }
}
