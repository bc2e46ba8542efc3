import type { Provider } from '@nestjs/common';
import type { RtcMessagingSettings } from './config/settings.js';
import { RTC_MESSAGING_SETTINGS } from './config/tokens.js';
import { moduleLogger } from './module-logger.js';
import { loadTelemetry } from './telemetry/load-telemetry.js';
import { NO_TELEMETRY, type Telemetry } from './telemetry/telemetry.js';

/** A string, since an interface is nothing to inject by. */
export const TELEMETRY = 'nestjs-rtc-messaging:telemetry';

export const telemetryProvider: Provider = {
  provide: TELEMETRY,
  inject: [RTC_MESSAGING_SETTINGS],
  useFactory: ({ name, telemetry, endpoint }: RtcMessagingSettings): Telemetry | Promise<Telemetry> => {
    if (!telemetry) return NO_TELEMETRY;
    const logger = moduleLogger(name);
    return loadTelemetry({ endpoint, module: name }, (problem) => logger.error(problem));
  },
};
