import type { Attributes, Counter, Histogram, Meter, ObservableGauge } from '@opentelemetry/api';
import type { RtcAttemptEvent, RtcEvent, RtcOutcomeEvent } from '../diagnostics/rtc-event.js';
import type { QuotaUsage } from '../quota/quota-usage.js';
import type { ErrorTypes } from './attributes.js';

/** Seconds, as the conventions advise for this metric. */
const DURATION_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** Of the names without a convention. */
const PREFIX = 'nestjs_rtc_messaging';

/** Measures calls, attempts, waits and the quota. */
export class CallMetrics {
  readonly #instruments: ReturnType<typeof createInstruments>;

  /** @param read the quota; called whenever metrics are collected */
  constructor(
    meter: Meter,
    private readonly client: Attributes,
    private readonly errorTypes: ErrorTypes,
    read: () => QuotaUsage | undefined,
  ) {
    this.#instruments = createInstruments(meter);
    const { queueLength, utilization, limit, allowed } = this.#instruments;
    meter.addBatchObservableCallback(
      (result) => {
        const usage = read();
        if (usage === undefined) return;
        const ofPriority = (priority: string): Attributes => ({
          ...client,
          'nestjs_rtc_messaging.priority': priority,
        });
        result.observe(queueLength, usage.queued, ofPriority('single'));
        result.observe(queueLength, usage.queuedBulk, ofPriority('bulk'));
        result.observe(utilization, usage.permitsPerSecond / usage.limit, client);
        result.observe(allowed, usage.allowed, client);
        result.observe(limit, usage.limit, client);
      },
      [queueLength, utilization, limit, allowed],
    );
  }

  onEvent(event: RtcEvent): void {
    const { quotaWait, retries, receipts, deliveryDuration, quotaChanges } = this.#instruments;
    switch (event.type) {
      case 'attempt':
        this.#attempt(event);
        break;
      case 'wait':
        if (event.reason === 'quota')
          quotaWait.record(event.delayMs / 1_000, this.#operation(event.call.action));
        break;
      case 'retry':
        retries.add(1, {
          ...this.#operation(event.call.action),
          'nestjs_rtc_messaging.reason': event.reason,
        });
        break;
      case 'outcome':
        this.#outcome(event);
        break;
      case 'receipt':
        receipts.add(1, { ...this.client, 'nestjs_rtc_messaging.receipt.status': event.status });
        if (event.delayMs !== undefined) deliveryDuration.record(event.delayMs / 1_000, this.client);
        break;
      case 'quota':
        quotaChanges.add(1, { ...this.client, 'nestjs_rtc_messaging.quota.status': event.status });
        break;
    }
  }

  #attempt({ call, attempt: { outcome, httpStatus, failure, throttled } }: RtcAttemptEvent): void {
    const operation = this.#operation(call.action);
    this.#instruments.attempts.add(1, {
      ...operation,
      'nestjs_rtc_messaging.outcome': outcome,
      ...(httpStatus !== undefined && { 'http.response.status_code': httpStatus }),
      ...(outcome !== 'accepted' && { 'error.type': this.errorTypes.of(failure) }),
    });
    if (throttled) this.#instruments.throttles.add(1, operation);
  }

  #outcome({ call, outcome, durationMs, ...event }: RtcOutcomeEvent): void {
    const { duration, outcomes, sent } = this.#instruments;
    const operation = {
      ...this.#operation(call.action),
      ...(outcome !== 'accepted' && { 'error.type': this.errorTypes.of(event.apiCode ?? event.code) }),
    };
    duration.record(durationMs / 1_000, { ...operation, 'messaging.operation.type': 'send' });
    outcomes.add(1, { ...operation, 'nestjs_rtc_messaging.outcome': outcome });
    // A message that was not attempted was not sent.
    if (outcome !== 'not_attempted') sent.add(call.recipients ?? 1, operation);
  }

  #operation(action: string): Attributes {
    return { ...this.client, 'messaging.operation.name': action };
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
