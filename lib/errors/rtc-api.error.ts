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
 * The remote side answered, and not with a success. The outcome is `rejected` where the answer is a readable
 * "no", and `unknown` where it proves nothing (an unreadable 2xx, most 5xx).
 */
export class RtcApiError extends RtcMessagingError {
  readonly code = 'RTC_API';
  /** Of the response; an error may come with 200. */
  readonly httpStatus: number;
  /** The vendor's `Code`, for example `InvalidParameter.IllegalTo`; `UnreadableResponse` where there was none. */
  readonly apiCode: string;
  /** The vendor's `CodeN`, where it gave one. */
  readonly codeN?: number;
  /**
   * Where the service refused because the quota was used up: when it is worth trying again, in milliseconds from
   * now. As long as its `Retry-After` asked, up to 30 s, and a second at least, which is what the quota is for.
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
