import { nameError, RtcMessagingError, type RtcMessagingErrorInit } from './rtc-messaging.error.js';

/** What {@link RtcApiError} adds. */
export interface RtcApiErrorInit extends RtcMessagingErrorInit {
  /** Becomes `httpStatus`. */
  readonly httpStatus: number;
  /** Becomes `apiCode`. */
  readonly apiCode: string;
  /** Becomes `codeN`. */
  readonly codeN?: number | undefined;
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

  constructor(message: string, init: RtcApiErrorInit) {
    super(message, init);
    this.httpStatus = init.httpStatus;
    this.apiCode = init.apiCode;
    if (init.codeN !== undefined) this.codeN = init.codeN;
  }
}
nameError(RtcApiError, 'RtcApiError');
