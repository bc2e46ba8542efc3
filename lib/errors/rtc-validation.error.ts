import { nameError, RtcMessagingError } from './rtc-messaging.error.js';

/** One rule that a request broke. */
export interface ValidationIssue {
  /** The field, with the index where it is one of many: `to[3]`. */
  readonly path: string;
  /** The rule and what is wrong with the value. */
  readonly message: string;
}

/** The request breaks a rule of the remote API; nothing was sent. */
export class RtcValidationError extends RtcMessagingError {
  readonly code = 'RTC_VALIDATION';
  /** Every rule that was broken. */
  readonly issues: readonly ValidationIssue[];

  constructor(issues: readonly ValidationIssue[]) {
    super(issues.map(({ path, message }) => `${path}: ${message}`).join('; '), { outcome: 'not_attempted' });
    this.issues = issues;
  }
}
nameError(RtcValidationError, 'RtcValidationError');
