import { MAX_RECIPIENTS } from '../dto/field-rules.js';
import { RtcValidationError } from '../errors/rtc-validation.error.js';
import type { QuotaSettings } from '../quota/gate-registry.js';
import { MIN_JITTER_MS } from '../quota/jitter-estimate.js';
import { paceFor } from '../quota/paced-rate.js';

/** What a fan-out takes at least. */
export interface FanOutEstimate {
  /** HTTP requests, if none has to be sent again. */
  readonly requests: number;
  /** Milliseconds, without the time that the last request takes. */
  readonly durationMs: number;
}

/** At the pace of a quiet line, with all of the quota. */
export function estimateFanOut(
  recipients: number,
  chunkSize: number,
  { requestsPerSecond, reserve }: QuotaSettings,
): FanOutEstimate {
  if (!Number.isSafeInteger(recipients) || recipients < 0) {
    throw new RtcValidationError([{ path: 'recipients', message: 'must be a whole number from 0' }]);
  }
  if (!Number.isInteger(chunkSize) || chunkSize < 1 || chunkSize > MAX_RECIPIENTS) {
    throw new RtcValidationError([
      { path: 'chunkSize', message: `must be a whole number from 1 to ${MAX_RECIPIENTS}` },
    ]);
  }
  const { intervalMs, burst } = paceFor(requestsPerSecond - reserve, MIN_JITTER_MS);
  const requests = Math.ceil(recipients / chunkSize);
  return { requests, durationMs: Math.round(Math.max(0, requests - burst) * intervalMs) };
}
