import type { AttemptPhase } from './attempt.js';
import { nameError, RtcMessagingError, type RtcMessagingErrorInit } from './rtc-messaging.error.js';

/**
 * The connection failed. The attempt's outcome is `not_attempted` before the body's first byte, and `unknown` after it.
 * The error's outcome covers all attempts of the call.
 */
export class RtcNetworkError extends RtcMessagingError {
  readonly code = 'RTC_NETWORK';
  /** How far the attempt got. */
  readonly phase: AttemptPhase;

  constructor(message: string, init: RtcMessagingErrorInit & { readonly phase: AttemptPhase }) {
    super(message, init);
    this.phase = init.phase;
  }
}
nameError(RtcNetworkError, 'RtcNetworkError');
