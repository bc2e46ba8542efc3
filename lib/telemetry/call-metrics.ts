import type { Attributes, Counter, Histogram, Meter, ObservableGauge } from '@opentelemetry/api';
import type { RtcEvent } from '../diagnostics/rtc-event.js';
import { isRtcActionName } from '../openapi/rtc-action.js';
import type { QuotaUsage } from '../quota/quota-usage.js';

/** Seconds, as the conventions advise for this metric. */
const DURATION_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** Of the names without a convention. */
const PREFIX = 'nestjs_rtc_messaging';

/**
 * Measures calls, attempts, waits and the quota.
 * @param client attributes of all metrics
 * @param errorType what stands for a code; see `errorTypes`
 * @param read the quota; called whenever metrics are collected
 * @returns what takes the events
 */
export function createMetrics(
  meter: Meter,
  client: Attributes,
  errorType: (code: string | undefined) => string,
  read: () => QuotaUsage | undefined,
): (event: RtcEvent) => void {
  watchQuota(meter, client, read);
  const seconds = (name: string, description: string): Histogram => {
    const advice = { explicitBucketBoundaries: DURATION_BUCKETS };
    return meter.createHistogram(name, { description, unit: 's', advice });
  };
  const count = (name: string, what: string, description: string): Counter =>
    meter.createCounter(name, { description, unit: `{${what}}` });

  const duration = seconds('messaging.client.operation.duration', 'Time of calls, with waits and retries.');
  const sent = count('messaging.client.sent.messages', 'message', 'Sent messages, one for each user.');
  const outcomes = count(`${PREFIX}.outcomes`, 'call', 'Calls that ended, by outcome.');
  const attempts = count(`${PREFIX}.attempts`, 'attempt', 'HTTP attempts that ended, by outcome.');
  const retries = count(`${PREFIX}.retries`, 'attempt', 'Requests that were sent again, by reason.');
  const throttles = count(`${PREFIX}.throttles`, 'attempt', 'Attempts that were refused for the quota.');
  const quotaWait = seconds(`${PREFIX}.quota.wait`, 'Wait of attempts for a permit, if they had to wait.');
  const quotaChanges = count(`${PREFIX}.quota.changes`, 'change', 'Changes of a shared quota, by status.');
  const receipts = count(`${PREFIX}.receipts`, 'receipt', 'Receipts that clients sent, by status.');
  const delivery = seconds(`${PREFIX}.delivery.duration`, 'Time from a message to its receipt.');

  return (event) => {
    const operation = 'call' in event ? { ...client, 'messaging.operation.name': event.call.action } : client;
    switch (event.type) {
      case 'attempt': {
        const { outcome, httpStatus, failure, throttled } = event.attempt;
        attempts.add(1, {
          ...operation,
          'nestjs_rtc_messaging.outcome': outcome,
          ...(httpStatus !== undefined && { 'http.response.status_code': httpStatus }),
          ...(outcome !== 'accepted' && { 'error.type': errorType(failure) }),
        });
        if (throttled) throttles.add(1, operation);
        break;
      }
      case 'wait':
        if (event.reason === 'quota') quotaWait.record(event.delayMs / 1_000, operation);
        break;
      case 'retry':
        retries.add(1, { ...operation, 'nestjs_rtc_messaging.reason': event.reason });
        break;
      case 'outcome': {
        const { outcome, apiCode, code, call } = event;
        const isAccepted = outcome === 'accepted';
        const ended = { ...operation, ...(!isAccepted && { 'error.type': errorType(apiCode ?? code) }) };
        const isMessage = isRtcActionName(call.action);
        const send = isMessage && { 'messaging.operation.type': 'send' };
        duration.record(event.durationMs / 1_000, { ...ended, ...send });
        outcomes.add(1, { ...ended, 'nestjs_rtc_messaging.outcome': outcome });
        // A message that was not attempted was not sent.
        if (isMessage && outcome !== 'not_attempted') sent.add(call.recipients ?? 1, ended);
        break;
      }
      case 'receipt':
        receipts.add(1, { ...client, 'nestjs_rtc_messaging.receipt.status': event.status });
        if (event.delayMs !== undefined) delivery.record(event.delayMs / 1_000, client);
        break;
      case 'quota':
        quotaChanges.add(1, { ...client, 'nestjs_rtc_messaging.quota.status': event.status });
        break;
    }
  };
}

function watchQuota(meter: Meter, client: Attributes, read: () => QuotaUsage | undefined): void {
  const gauge = (name: string, unit: string, description: string): ObservableGauge =>
    meter.createObservableGauge(`${PREFIX}.quota.${name}`, { description, unit });
  const queue = gauge('queue.length', '{request}', 'Requests that wait for a permit of the quota.');
  const utilization = gauge('utilization', '1', 'Share of the quota that was used in the last second.');
  const limit = gauge('limit', '{permit}/s', 'Permits a second that the limiter allows.');
  const allowed = gauge('allowed', '{permit}/s', 'Permits a second that the service seems to accept.');
  meter.addBatchObservableCallback(
    (result) => {
      const usage = read();
      if (usage === undefined) return;
      result.observe(queue, usage.queued, { ...client, 'nestjs_rtc_messaging.priority': 'single' });
      result.observe(queue, usage.queuedBulk, { ...client, 'nestjs_rtc_messaging.priority': 'bulk' });
      result.observe(utilization, usage.permitsPerSecond / usage.limit, client);
      result.observe(allowed, usage.allowed, client);
      result.observe(limit, usage.limit, client);
    },
    [queue, utilization, limit, allowed],
  );
}
