import type * as OpenTelemetryApi from '@opentelemetry/api';
import type { QuotaUsage } from '../quota/quota-usage.js';
import { describeClient, errorTypes, SCOPE, type TelemetryClient } from './attributes.js';
import { createMetrics } from './call-metrics.js';
import { CallSpans } from './call-spans.js';
import type { Telemetry } from './telemetry.js';

/** Not imported where OpenTelemetry's API is not installed. */
export function createTelemetry(api: typeof OpenTelemetryApi, client: TelemetryClient): Telemetry {
  const attributes = describeClient(client);
  const errorType = errorTypes();
  let readQuota: (() => QuotaUsage) | undefined;
  const noTracers = new api.ProxyTracerProvider().getDelegate();
  const spans = follow(
    () => {
      const provider = api.trace.getTracerProvider();
      return provider instanceof api.ProxyTracerProvider ? provider.getDelegate() : provider;
    },
    (provider) => {
      const tracer = provider.getTracer(SCOPE);
      return provider === noTracers ? undefined : new CallSpans(api, tracer, attributes, errorType);
    },
  );
  const metrics = follow(
    () => api.metrics.getMeterProvider(),
    (provider) => {
      const meter = provider.getMeter(SCOPE);
      if (meter === api.createNoopMeter()) return undefined;
      return createMetrics(meter, attributes, errorType, () => readQuota?.());
    },
  );
  return {
    onEvent: (event) => {
      if (event.type === 'shutdown') readQuota = undefined;
      spans()?.onEvent(event);
      metrics()?.(event);
    },
    within: (call, work) => {
      const current = spans();
      return current === undefined ? work() : current.within(call, work);
    },
    watch: (read) => {
      readQuota = read;
      metrics();
    },
  };
}

/** What emits by a provider; undefined without an SDK, which may be installed at any time. */
function follow<Provider, Output>(
  current: () => Provider,
  make: (provider: Provider) => Output | undefined,
): () => Output | undefined {
  let known: Provider | undefined;
  let made: Output | undefined;
  return () => {
    const provider = current();
    if (provider !== known) {
      known = provider;
      made = make(provider);
    }
    return made;
  };
}
