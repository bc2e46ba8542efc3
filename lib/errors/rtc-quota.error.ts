import { nameError, RtcMessagingError, type RtcMessagingErrorInit } from './rtc-messaging.error.js';

/** The request got no permit of the quota. Nothing was sent. */
export class RtcQuotaError extends RtcMessagingError {
  readonly code = 'RTC_QUOTA';
  /** When to try again, in milliseconds from now. */
  readonly retryAfterMs: number;
  /** Largest number of recipients in a request, if this one had more than the service was found to accept. */
  declare readonly chunkSize?: number;

  constructor(
    message: string,
    init: Omit<RtcMessagingErrorInit, 'outcome'> & Pick<RtcQuotaError, 'retryAfterMs' | 'chunkSize'>,
  ) {
    super(message, { ...init, outcome: 'not_attempted' });
    this.retryAfterMs = init.retryAfterMs;
    if (init.chunkSize !== undefined) this.chunkSize = init.chunkSize;
  }
}
nameError(RtcQuotaError, 'RtcQuotaError');
