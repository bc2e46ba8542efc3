import { nameError, RtcMessagingError } from './rtc-messaging.error.js';

/** `timeoutMs` or `deadlineMs` passed. The outcome says whether the message may have been accepted. */
export class RtcTimeoutError extends RtcMessagingError {
  readonly code = 'RTC_TIMEOUT';
}
nameError(RtcTimeoutError, 'RtcTimeoutError');
