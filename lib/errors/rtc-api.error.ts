import { nameError, RtcMessagingError, type RtcMessagingErrorInit } from './rtc-messaging.error.js';

/** What {@link RtcApiError} adds. */
export interface RtcApiErrorInit extends RtcMessagingErrorInit {
  /** Becomes `httpStatus`. */
  readonly httpStatus: number;
  /** Becomes `apiCode`. */
  readonly apiCode: string;
  /** Becomes `codeN`. */
  readonly codeN?: number | undefined;
  /** Becomes `retryAfterMs`. */
  readonly retryAfterMs?: number | undefined;
}

/**
 * The remote side answered without a success. The outcome is `rejected` if the answer is a readable refusal, and
 * `unknown` if it proves nothing (an unreadable 2xx, most 5xx).
 */
export class RtcApiError extends RtcMessagingError {
  readonly code = 'RTC_API';
  /** HTTP status of the response. An error may come with 200. */
  readonly httpStatus: number;
  /** The vendor's `Code`, for example `InvalidParameter.IllegalTo`; `UnreadableResponse` where there was none. */
  readonly apiCode: string;
  /** The vendor's `CodeN`, if the answer has one. */
  readonly codeN?: number;
  /**
   * When to try again, in milliseconds from now, if the service refused for the quota. It follows `Retry-After` up to
   * 30 s, and is one second at least, the window of the quota.
   */
  readonly retryAfterMs?: number;

  constructor(message: string, init: RtcApiErrorInit) {
    super(message, init);
    this.httpStatus = init.httpStatus;
    this.apiCode = init.apiCode;
    if (init.codeN !== undefined) this.codeN = init.codeN;
    if (init.retryAfterMs !== undefined) this.retryAfterMs = init.retryAfterMs;
  }
}
nameError(RtcApiError, 'RtcApiError');
