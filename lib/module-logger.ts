import { Logger } from '@nestjs/common';
import { DEFAULT_MODULE_NAME } from './config/registration.js';

/** The logger of a module; its context names the module where there are several. */
export function moduleLogger(name: string): Logger {
  return new Logger(name === DEFAULT_MODULE_NAME ? 'RtcMessaging' : `RtcMessaging:${name}`);
}
