import { MAX_RECIPIENTS } from '../dto/field-rules.js';
import { checkCallOptions } from '../options/check-call-options.js';
import { wholeNumber } from '../options/rules.js';
import type { QuotaSettings } from '../quota/limiter-registry.js';
import { burstOf, COOLING_MS } from '../quota/permit-pool.js';

/** The least that a fan-out takes. */
export interface FanOutEstimate {
  /** HTTP requests without retries. */
  readonly requests: number;
  /** Milliseconds, without the time of the last request. */
  readonly durationMs: number;
}

/** Number of chunks in a second's permits if recipients count, so that no chunk leaves a large gap. */
const CHUNKS_PER_SECOND = 20;

/** Permits in a second: all recipients of a fan-out are in one room. */
function permitsPerSecond(quota: QuotaSettings): number {
  const { requestsPerSecond, reserve, roomMessagesPerSecond = Number.POSITIVE_INFINITY } = quota;
  return Math.min(requestsPerSecond - reserve, roomMessagesPerSecond);
}

/** Default chunk size. */
export function defaultChunkSize(quota: QuotaSettings): number {
  if (quota.costPer === 'request') return MAX_RECIPIENTS;
  const size = Math.floor(permitsPerSecond(quota) / CHUNKS_PER_SECOND);
  return Math.min(MAX_RECIPIENTS, Math.max(1, size));
}

/** Assumes a short round trip and the whole quota. */
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
  // A request that costs more than the limit takes all permits of a second.
  const cost = quota.costPer === 'recipient' ? Math.min(size, limit) : 1;
  // The permits of a second may not be enough for one more whole request. The last request may be a small one.
  const whole = cost === 1 ? requests : Math.floor(recipients / size);
  const wholeSeconds = Math.floor((whole - 1) / Math.floor(limit / cost));
  // Until the last request is sent, at the pace of permits.
  const paced = ((requests - 1) * cost + 1 - burstOf(limit)) / limit;
  return { requests, durationMs: Math.round(Math.max(0, paced, wholeSeconds) * COOLING_MS) };
}
