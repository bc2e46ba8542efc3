import type { AttemptPhase } from './attempt.js';
import { nameError, RtcMessagingError, type RtcMessagingErrorInit } from './rtc-messaging.error.js';

/**
 * The connection failed. The outcome is `not_attempted` where the failure came before the body's first byte,
 * and `unknown` after it.
 */
export class RtcNetworkError extends RtcMessagingError {
  readonly code = 'RTC_NETWORK';
  /** How far the attempt had come. */
  readonly phase: AttemptPhase;

  constructor(message: string, init: RtcMessagingErrorInit & { readonly phase: AttemptPhase }) {
    super(message, init);
    this.phase = init.phase;
  }
}
nameError(RtcNetworkError, 'RtcNetworkError');
