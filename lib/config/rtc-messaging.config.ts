import { registerAs } from '@nestjs/config';
import { type Environment, readEnvironment } from './environment.js';

/**
 * The module's environment variables as a `@nestjs/config` namespace. It is read when the app boots, after
 * `ConfigModule.forRoot()` has loaded a `.env` file.
 */
export const rtcMessagingConfig = registerAs('rtcMessaging', (): Environment => readEnvironment(process.env));
