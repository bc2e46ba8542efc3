import type * as OpenTelemetryApi from '@opentelemetry/api';
import { describeClient, ErrorTypes, type TelemetryClient } from './attributes.js';
import { CallMetrics } from './call-metrics.js';
import { CallSpans } from './call-spans.js';
import type { Telemetry } from './telemetry.js';

/** Not imported where OpenTelemetry's API is not installed. */
export function createTelemetry(api: typeof OpenTelemetryApi, client: TelemetryClient): Telemetry {
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
