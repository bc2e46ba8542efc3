import { MAX_RECIPIENTS } from '../dto/field-rules.js';
import { checkCallOptions } from '../options/check-call-options.js';
import { wholeNumber } from '../options/rules.js';
import type { QuotaSettings } from '../quota/limiter-registry.js';
import { burstOf, COOLING_MS } from '../quota/permit-pool.js';

/** What a fan-out takes at least. */
export interface FanOutEstimate {
  /** HTTP requests, if none has to be sent again. */
  readonly requests: number;
  /** Milliseconds, without the time that the last request takes. */
  readonly durationMs: number;
}

/** So many chunks make up a second's permits where recipients count, so that none leaves a large gap. */
const CHUNKS_PER_SECOND = 20;

/** Permits in a second: all recipients of a fan-out are in one room. */
function permitsPerSecond(quota: QuotaSettings): number {
  const { requestsPerSecond, reserve, roomMessagesPerSecond = Number.POSITIVE_INFINITY } = quota;
  return Math.min(requestsPerSecond - reserve, roomMessagesPerSecond);
}

/** How many recipients a request has unless it is told. */
export function defaultChunkSize(quota: QuotaSettings): number {
  if (quota.costPer === 'request') return MAX_RECIPIENTS;
  const size = Math.floor(permitsPerSecond(quota) / CHUNKS_PER_SECOND);
  return Math.min(MAX_RECIPIENTS, Math.max(1, size));
}

/** On a short way to the service, with all of the quota. */
export function estimateFanOut(
  recipients: number,
  chunkSize: number | undefined,
  quota: QuotaSettings,
): FanOutEstimate {
  checkCallOptions(
    { recipients: wholeNumber(0), chunkSize: wholeNumber(1, MAX_RECIPIENTS) },
    { recipients, chunkSize },
    '',
  );
  const size = chunkSize ?? defaultChunkSize(quota);
  const limit = permitsPerSecond(quota);
  const requests = Math.ceil(recipients / size);
  const permits = quota.costPer === 'recipient' ? recipients : requests;
  return { requests, durationMs: Math.round((Math.max(0, permits - burstOf(limit)) / limit) * COOLING_MS) };
}
