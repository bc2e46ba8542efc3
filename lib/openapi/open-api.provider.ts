import type { Provider } from '@nestjs/common';
import type { RtcMessagingSettings } from '../config/settings.js';
import { RTC_MESSAGING_SETTINGS } from '../config/tokens.js';
import { createHttpClient } from './http-client.js';
import { OpenApiClient } from './open-api.client.js';
import { RTC_SERVICE } from './rtc-action.js';
import { createSigningInterceptor } from './signing.interceptor.js';

/** Puts the client together; the only file here that knows of Nest. */
export const openApiClientProvider: Provider = {
  provide: OpenApiClient,
  inject: [RTC_MESSAGING_SETTINGS],
  useFactory: (settings: RtcMessagingSettings): OpenApiClient => {
    const { region, apiVersion, resolveCredentials } = settings;
    const http = createHttpClient(settings);
    http.axios.interceptors.request.use(
      createSigningInterceptor({ resolveCredentials, region, service: RTC_SERVICE, now: Date.now }),
    );
    return new OpenApiClient(http, apiVersion);
  },
};
