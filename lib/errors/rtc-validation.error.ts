import { nameError, RtcMessagingError } from './rtc-messaging.error.js';

/** One violated rule of a request. */
export interface ValidationIssue {
  /** The field, with the index where it is one of many: `to[3]`. */
  readonly path: string;
  /** The rule and the value's problem. */
  readonly message: string;
}

/** The request violates a rule of the remote API. Nothing was sent. */
export class RtcValidationError extends RtcMessagingError {
  readonly code = 'RTC_VALIDATION';
  /** Every violated rule. */
  readonly issues: readonly ValidationIssue[];

  constructor(issues: readonly ValidationIssue[]) {
    super(issues.map(({ path, message }) => `${path}: ${message}`).join('; '), { outcome: 'not_attempted' });
    this.issues = issues;
  }
}
nameError(RtcValidationError, 'RtcValidationError');
