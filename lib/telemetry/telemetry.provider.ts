import { Logger, type Provider } from '@nestjs/common';
import type { RtcMessagingSettings } from '../config/settings.js';
import { RTC_MESSAGING_SETTINGS } from '../config/tokens.js';
import { loadTelemetry } from './load-telemetry.js';
import { NO_TELEMETRY, type Telemetry } from './telemetry.js';

/** A string, since an interface is nothing to inject by. */
export const TELEMETRY = 'nestjs-rtc-messaging:telemetry';

export const telemetryProvider: Provider = {
  provide: TELEMETRY,
  inject: [RTC_MESSAGING_SETTINGS],
  useFactory: ({ telemetry, endpoint }: RtcMessagingSettings): Telemetry | Promise<Telemetry> => {
    if (!telemetry) return NO_TELEMETRY;
    const logger = new Logger('RtcMessaging');
    return loadTelemetry({ endpoint, module: 'default' }, (problem) => logger.error(problem));
  },
};
