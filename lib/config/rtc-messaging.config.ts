import { registerAs } from '@nestjs/config';
import type { Environment } from '../options/read-options.js';
import { readEnvironment } from './environment.js';

/**
 * The module's environment variables as a `@nestjs/config` namespace. It is read when the app boots, after
 * `ConfigModule.forRoot()` has loaded a `.env` file. The access key is not part of it, so `ConfigService` never returns
 * it.
 */
export const rtcMessagingConfig = registerAs('rtcMessaging', (): Environment => readEnvironment(process.env));
