import { nameError, RtcMessagingError, type RtcMessagingErrorInit } from './rtc-messaging.error.js';

/** The request got no permit of the quota. Nothing was sent. */
export class RtcQuotaError extends RtcMessagingError {
  readonly code = 'RTC_QUOTA';
  /** When to try again, in milliseconds from now. */
  readonly retryAfterMs: number;

  constructor(
    message: string,
    init: Omit<RtcMessagingErrorInit, 'outcome'> & { readonly retryAfterMs: number },
  ) {
    super(message, { ...init, outcome: 'not_attempted' });
    this.retryAfterMs = init.retryAfterMs;
  }
}
nameError(RtcQuotaError, 'RtcQuotaError');
