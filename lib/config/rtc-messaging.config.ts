import { registerAs } from '@nestjs/config';
import type { Environment } from '../options/read-options.js';
import { readVariables } from '../options/read-variables.js';
import { MODULE_OPTIONS } from './module-option-table.js';

/**
 * The module's environment variables as a `@nestjs/config` namespace. It is read when the app boots, after
 * `ConfigModule.forRoot()` has loaded a `.env` file. The access key is not part of it, so `ConfigService` never returns
 * it.
 */
export const rtcMessagingConfig = registerAs('rtcMessaging', (): Environment =>
  readVariables(MODULE_OPTIONS, process.env, '', false),
);
