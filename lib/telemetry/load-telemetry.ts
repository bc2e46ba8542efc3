import type * as OpenTelemetryApi from '@opentelemetry/api';
import { isNotInstalled } from '../config/optional-package.js';
import { isError } from '../errors/thrown.js';
import { describeClient, ErrorTypes, type TelemetryClient } from './attributes.js';
import { CallMetrics } from './call-metrics.js';
import { CallSpans } from './call-spans.js';
import { NO_TELEMETRY, type Telemetry } from './telemetry.js';

/**
 * Telemetry, if OpenTelemetry's API is installed. A missing package is no error. Any other failure to load it is
 * logged.
 */
export async function loadTelemetry(
  client: TelemetryClient,
  warn: (problem: string) => void,
  load?: () => Promise<typeof OpenTelemetryApi>,
): Promise<Telemetry> {
  try {
    // Within the try, which is where bundlers see that the package may be missing.
    const api = load === undefined ? await import('@opentelemetry/api') : await load();
    return createTelemetry(api, client);
  } catch (error) {
    if (!isNotInstalled(error, '@opentelemetry/api'))
      warn(`Telemetry is off: @opentelemetry/api can't be used (${describe(error)}).`);
    return NO_TELEMETRY;
  }
}

function createTelemetry(api: typeof OpenTelemetryApi, client: TelemetryClient): Telemetry {
  const attributes = describeClient(client);
  const errorTypes = new ErrorTypes();
  const spans = new CallSpans(api, attributes, errorTypes);
  const metrics = new CallMetrics(api, attributes, errorTypes);
  return {
    onEvent: (event) => {
      spans.onEvent(event);
      metrics.onEvent(event);
    },
    within: (call, work) => spans.within(call, work),
    watch: (read) => metrics.watch(read),
  };
}

function describe(error: unknown): string {
  return isError(error) ? (error.message.split('\n', 1)[0] ?? error.name) : typeof error;
}
