import { Logger, type Provider } from '@nestjs/common';
import { DEFAULT_MODULE_NAME } from './config/registration.js';
import type { RtcMessagingSettings } from './config/settings.js';
import { RTC_MESSAGING_SETTINGS } from './config/tokens.js';
import { createCredentialsSource } from './credentials/credentials-source.js';
import { publish } from './diagnostics/channels.js';
import { OperatorLog } from './diagnostics/operator-log.js';
import type { Observe } from './diagnostics/rtc-event.js';
import { createHttpClient } from './openapi/http-client.js';
import { OpenApiClient } from './openapi/open-api.client.js';
import { RTC_SERVICE } from './openapi/rtc-action.js';
import { ServerClock } from './openapi/server-clock.js';
import { createSigningInterceptor } from './openapi/signing.interceptor.js';
import { GateLease } from './quota/gate-registry.js';
import { RetryBudget } from './retry/retry-budget.js';
import { Sender } from './retry/sender.js';

/** Puts the sender together; for the module: what it is made of knows nothing of Nest. */
export const senderProvider: Provider = {
  provide: Sender,
  inject: [RTC_MESSAGING_SETTINGS],
  useFactory: (settings: RtcMessagingSettings): Sender => {
    const module = settings.name;
    const context = module === DEFAULT_MODULE_NAME ? 'RtcMessaging' : `RtcMessaging:${module}`;
    const log = new OperatorLog(new Logger(context));
    const observe: Observe = (event) => {
      publish(event);
      try {
        log.observe(event);
      } catch {
        // A logger of the app's that throws must not take a call's outcome with it.
      }
    };
    const clock = new ServerClock();
    const credentials = createCredentialsSource(settings.credentials, {
      now: Date.now,
      serviceNow: () => clock.now(),
      onAsked: ({ failure, usable }) =>
        observe({
          type: 'credentials',
          module,
          status: failure === undefined ? 'refreshed' : 'refresh_failed',
          ...(failure !== undefined && { failure }),
          usable,
        }),
    });
    const http = createHttpClient(settings);
    http.axios.interceptors.request.use(
      createSigningInterceptor({ region: settings.region, service: RTC_SERVICE }),
      undefined,
      { synchronous: true },
    );
    const client = new OpenApiClient(http, credentials, settings);
    return new Sender(
      {
        module,
        client,
        clock,
        credentials,
        budget: new RetryBudget(),
        gates: new GateLease(settings.quota, settings.endpoint, settings.appId),
        observe,
        random: Math.random,
      },
      settings.shutdownTimeoutMs,
    );
  },
};
