import type * as OpenTelemetryApi from '@opentelemetry/api';
import type {
  Attributes,
  BatchObservableResult,
  Counter,
  Histogram,
  Meter,
  MeterProvider,
  ObservableGauge,
} from '@opentelemetry/api';
import type { RtcAttemptEvent, RtcEvent, RtcOutcomeEvent } from '../diagnostics/rtc-event.js';
import type { QuotaUsage } from '../quota/quota-usage.js';
import { ATTRIBUTE, type ErrorTypes, SCOPE } from './attributes.js';

/** Seconds, as the conventions advise for this metric. */
const DURATION_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** Of the names without a convention. */
const PREFIX = 'nestjs_rtc_messaging';

type Instruments = ReturnType<typeof createInstruments>;

/** Measures calls, attempts, waits and the quota. */
export class CallMetrics {
  #provider: MeterProvider | undefined;
  #instruments: Instruments | undefined;
  #read: (() => QuotaUsage) | undefined;
  #stopWatching: (() => void) | undefined;

  constructor(
    private readonly api: typeof OpenTelemetryApi,
    private readonly client: Attributes,
    private readonly errorTypes: ErrorTypes,
  ) {}

  onEvent(event: RtcEvent): void {
    if (event.type === 'shutdown') this.#unwatch();
    const instruments = this.#current();
    if (instruments === undefined) return;
    switch (event.type) {
      case 'attempt':
        this.#attempt(event, instruments);
        break;
      case 'wait':
        if (event.reason === 'quota') {
          const attributes = this.#describe(event.call.action);
          instruments.quotaWait.record(event.delayMs / 1_000, attributes);
        }
        break;
      case 'retry':
        instruments.retries.add(1, {
          ...this.#describe(event.call.action),
          [ATTRIBUTE.reason]: event.reason,
        });
        break;
      case 'outcome':
        this.#outcome(event, instruments);
        break;
      case 'receipt': {
        const { status, delayMs } = event;
        instruments.receipts.add(1, { ...this.client, [ATTRIBUTE.receiptStatus]: status });
        if (delayMs !== undefined) instruments.deliveryDuration.record(delayMs / 1_000, this.client);
        break;
      }
      case 'quota':
        instruments.quotaChanges.add(1, { ...this.client, [ATTRIBUTE.quotaStatus]: event.status });
        break;
    }
  }

  watch(read: () => QuotaUsage): void {
    this.#read = read;
    this.#current();
    this.#startWatching();
  }

  #attempt({ call, attempt }: RtcAttemptEvent, { attempts, throttles }: Instruments): void {
    const { outcome, httpStatus, failure, throttled } = attempt;
    const attributes = this.#describe(call.action);
    attempts.add(1, {
      ...attributes,
      [ATTRIBUTE.outcome]: outcome,
      ...(httpStatus !== undefined && { [ATTRIBUTE.httpStatus]: httpStatus }),
      ...(outcome !== 'accepted' && { [ATTRIBUTE.errorType]: this.errorTypes.of(failure) }),
    });
    if (throttled) throttles.add(1, attributes);
  }

  #outcome({ call, outcome, durationMs, ...event }: RtcOutcomeEvent, instruments: Instruments): void {
    const operation = {
      ...this.#describe(call.action),
      ...(outcome !== 'accepted' && {
        [ATTRIBUTE.errorType]: this.errorTypes.of(event.apiCode ?? event.code),
      }),
    };
    instruments.duration.record(durationMs / 1_000, { ...operation, [ATTRIBUTE.operationType]: 'send' });
    instruments.outcomes.add(1, { ...operation, [ATTRIBUTE.outcome]: outcome });
    // A message that was not attempted was not sent.
    if (outcome !== 'not_attempted') instruments.sent.add(call.recipients ?? 1, operation);
  }

  #describe(action: string): Attributes {
    return { ...this.client, [ATTRIBUTE.operationName]: action };
  }

  /**
   * Unlike tracers, meters are not forwarded to an SDK that is installed later. So the provider is looked up each time.
   */
  #current(): Instruments | undefined {
    const provider = this.api.metrics.getMeterProvider();
    if (provider !== this.#provider) {
      this.#provider = provider;
      this.#stopWatching?.();
      this.#stopWatching = undefined;
      const meter = provider.getMeter(SCOPE);
      const isNoop = meter === this.api.createNoopMeter();
      this.#instruments = isNoop ? undefined : createInstruments(meter);
      this.#startWatching();
    }
    return this.#instruments;
  }

  /** Without this, the SDK would keep the callback for its own lifetime. */
  #unwatch(): void {
    this.#read = undefined;
    this.#stopWatching?.();
    this.#stopWatching = undefined;
  }

  #startWatching(): void {
    const [instruments, read] = [this.#instruments, this.#read];
    if (instruments === undefined || read === undefined || this.#stopWatching !== undefined) return;
    const { meter, queueLength, utilization, limit, allowed } = instruments;
    const gauges = [queueLength, utilization, limit, allowed];
    const collect = (result: BatchObservableResult): void => {
      const usage = read();
      result.observe(queueLength, usage.queued, { ...this.client, [ATTRIBUTE.priority]: 'single' });
      result.observe(queueLength, usage.queuedBulk, { ...this.client, [ATTRIBUTE.priority]: 'bulk' });
      result.observe(utilization, usage.permitsPerSecond / usage.limit, this.client);
      result.observe(allowed, usage.allowed, this.client);
      result.observe(limit, usage.limit, this.client);
    };
    meter.addBatchObservableCallback(collect, gauges);
    this.#stopWatching = () => meter.removeBatchObservableCallback(collect, gauges);
  }
}

function createInstruments(meter: Meter) {
  const seconds = (name: string, description: string): Histogram =>
    meter.createHistogram(name, {
      description,
      unit: 's',
      advice: { explicitBucketBoundaries: DURATION_BUCKETS },
    });
  const count = (name: string, what: string, description: string): Counter =>
    meter.createCounter(name, { description, unit: `{${what}}` });
  const gauge = (name: string, unit: string, description: string): ObservableGauge =>
    meter.createObservableGauge(`${PREFIX}.quota.${name}`, { description, unit });
  return {
    meter,
    duration: seconds(
      'messaging.client.operation.duration',
      'How long calls took, waits and retries included.',
    ),
    sent: count(
      'messaging.client.sent.messages',
      'message',
      'Messages that were sent, one for each addressed user, whatever came of it.',
    ),
    outcomes: count(`${PREFIX}.outcomes`, 'call', 'Calls that ended, by outcome.'),
    attempts: count(`${PREFIX}.attempts`, 'attempt', 'HTTP attempts that ended, by outcome.'),
    retries: count(`${PREFIX}.retries`, 'attempt', 'Times that a request was sent again, by reason.'),
    throttles: count(
      `${PREFIX}.throttles`,
      'attempt',
      'Attempts that the service refused because the quota was used up.',
    ),
    quotaWait: seconds(
      `${PREFIX}.quota.wait`,
      'How long attempts waited for a permit of the quota, of those that had to.',
    ),
    quotaChanges: count(
      `${PREFIX}.quota.changes`,
      'change',
      'Changes in the state of a shared quota, by status.',
    ),
    receipts: count(`${PREFIX}.receipts`, 'receipt', 'Receipts that clients sent, by whether they count.'),
    deliveryDuration: seconds(
      `${PREFIX}.delivery.duration`,
      "How long messages took to a user's app and their receipt back.",
    ),
    queueLength: gauge('queue.length', '{request}', 'Requests that wait for a permit of the quota.'),
    utilization: gauge('utilization', '1', 'Share of the quota that this process used in the last second.'),
    limit: gauge(
      'limit',
      '{permit}/s',
      'Configured permits a second: of requests or, with costPer, of recipients.',
    ),
    allowed: gauge(
      'allowed',
      '{permit}/s',
      'Permits a second that the service was found to accept: below the limit only after refusals.',
    ),
  };
}
