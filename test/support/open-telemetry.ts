import { context, type HrTime, metrics, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AggregationTemporality,
  type DataPoint,
  type Histogram,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-base';

/** The real SDK, with exporters that keep what they are given. */
export interface Sdk {
  /** Spans that have ended, in the order of their ends. */
  spans(): ReadableSpan[];
  /** The data points of a metric, as they are now; none if it has none. */
  points(metric: string): Promise<DataPoint<number | Histogram>[]>;
  /** The names of all metrics that have data. */
  metricNames(): Promise<string[]>;
  /** The unit of each metric that has data. */
  metricUnits(): Promise<Record<string, string>>;
  /** All that was exported, spans and metrics, as one text. */
  exported(): Promise<string>;
  close(): Promise<void>;
}

export interface SdkOptions {
  readonly sampler?: Sampler;
  /** Called with each span that begins. */
  readonly onStart?: (span: object) => void;
}

/** Registers it for the process, as an app does before it starts. */
export function startSdk({ sampler, onStart }: SdkOptions = {}): Sdk {
  const spanExporter = new InMemorySpanExporter();
  const watching: SpanProcessor = {
    onStart: (span) => onStart?.(span),
    onEnd: () => undefined,
    forceFlush: async () => undefined,
    shutdown: async () => undefined,
  };
  const tracerProvider = new BasicTracerProvider({
    spanProcessors: [watching, new SimpleSpanProcessor(spanExporter)],
    ...(sampler !== undefined && { sampler }),
  });
  const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({
    exporter: metricExporter,
    exportIntervalMillis: 3_600_000,
  });
  const meterProvider = new MeterProvider({ readers: [reader] });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(tracerProvider);
  metrics.setGlobalMeterProvider(meterProvider);

  const collect = async () => {
    const { resourceMetrics, errors } = await reader.collect();
    if (errors.length > 0) throw new AggregateError(errors, 'Metrics could not be collected');
    return resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
  };
  return {
    spans: () => spanExporter.getFinishedSpans(),
    points: async (metric) => {
      const found = (await collect()).find(({ descriptor }) => descriptor.name === metric);
      return (found?.dataPoints ?? []) as DataPoint<number | Histogram>[];
    },
    metricNames: async () =>
      (await collect())
        .filter(({ dataPoints }) => dataPoints.length > 0)
        .map(({ descriptor }) => descriptor.name),
    metricUnits: async () =>
      Object.fromEntries(
        (await collect())
          .filter(({ dataPoints }) => dataPoints.length > 0)
          .map(({ descriptor }) => [descriptor.name, descriptor.unit]),
      ),
    exported: async () => {
      const spans = spanExporter.getFinishedSpans().map((span) => ({
        name: span.name,
        attributes: span.attributes,
        events: span.events,
        links: span.links,
        status: span.status,
        resource: span.resource.attributes,
        scope: span.instrumentationScope,
      }));
      return JSON.stringify([spans, await collect()]);
    },
    close: async () => {
      trace.disable();
      metrics.disable();
      context.disable();
      await tracerProvider.shutdown();
      await meterProvider.shutdown();
    },
  };
}

/** Milliseconds. */
export function toMs([seconds, nanos]: HrTime): number {
  return seconds * 1_000 + nanos / 1_000_000;
}
