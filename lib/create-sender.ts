import type { RtcMessagingSettings } from './config/settings.js';
import { createCredentialsSource } from './credentials/cached-credentials.js';
import { emitTo } from './diagnostics/channels.js';
import { OperatorLog } from './diagnostics/operator-log.js';
import type { HealthRecord } from './health/health-record.js';
import { moduleLogger } from './module-logger.js';
import { type HttpClientSettings, OpenApiClient } from './openapi/open-api.client.js';
import { RTC_SERVICE } from './openapi/rtc-action.js';
import { ServiceClockSkew } from './openapi/service-clock-skew.js';
import { LimiterHandle } from './quota/limiter-registry.js';
import { RetryBudget } from './retry/retry-budget.js';
import { Sender } from './retry/sender.js';
import { loadTelemetry } from './telemetry/load-telemetry.js';
import { NO_TELEMETRY } from './telemetry/telemetry.js';

/** Longest answer to other actions, in bytes: 10,000 invisible and 115,000 visible users with the longest IDs. */
const LONGEST_LIST = 16_777_216;

/** Puts the sender of a module together: what it is made of knows nothing of Nest. */
export async function createSender(settings: RtcMessagingSettings, health: HealthRecord): Promise<Sender> {
  const { name: module, region, endpoint } = settings;
  const logger = moduleLogger(module);
  const telemetry = settings.telemetry
    ? await loadTelemetry({ endpoint, module }, (problem) => logger.error(problem))
    : NO_TELEMETRY;
  const emit = emitTo([new OperatorLog(logger), health, telemetry]);
  const credentials = createCredentialsSource(settings.credentials, {
    now: Date.now,
    onAsked: (result) => {
      const status = result.failure === undefined ? 'refreshed' : 'refresh_failed';
      emit({ type: 'credentials', module, status, ...result });
    },
  });
  const connect = (to: HttpClientSettings): OpenApiClient =>
    new OpenApiClient(to, { region, service: RTC_SERVICE }, endpoint);
  const maxContentLength = Math.max(LONGEST_LIST, settings.http.maxContentLength);
  const limiters = new LimiterHandle(settings.quota, endpoint, settings.appId, {
    store: settings.quota.store?.open(),
    onStatus: (change) => emit({ type: 'quota', module, ...change }),
    onThrottling: (estimate) => emit({ type: 'throttling', module, ...estimate }),
  });
  const sender = new Sender(
    {
      module,
      client: connect(settings),
      apiVersion: settings.apiVersion,
      anyAction: {
        client: connect({ ...settings, http: { ...settings.http, maxContentLength } }),
        budget: new RetryBudget(),
      },
      clock: new ServiceClockSkew(),
      credentials,
      budget: new RetryBudget(),
      limiters,
      emit,
      hostOfRegion: settings.isEndpointGiven ? undefined : region,
      endpoint,
      within: telemetry.within,
      random: Math.random,
    },
    settings.shutdownTimeoutMs,
  );
  telemetry.watch(() => sender.condition.quota);
  return sender;
}
