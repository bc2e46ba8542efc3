import { nameError, RtcMessagingError } from './rtc-messaging.error.js';

/**
 * The caller's `signal` was aborted, or the app shuts down. The outcome says whether the message may have been
 * accepted.
 */
export class RtcAbortedError extends RtcMessagingError {
  readonly code = 'RTC_ABORTED';
}
nameError(RtcAbortedError, 'RtcAbortedError');
