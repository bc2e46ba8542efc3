import type { Attempt, FailureOutcome } from './attempt.js';

/** What every error of this library is made from. */
export interface RtcMessagingErrorInit {
  /** Becomes `outcome`. */
  readonly outcome: FailureOutcome;
  /** Becomes `attempts`. Default: none. */
  readonly attempts?: readonly Attempt[] | undefined;
  /** Becomes `possibleDuplicate`. Default false. */
  readonly possibleDuplicate?: boolean | undefined;
  /** Becomes `requestId`. */
  readonly requestId?: string | undefined;
  /** Becomes `hint`. */
  readonly hint?: string | undefined;
}

/** Stable names to switch on; they also work across copies of this package, where `instanceof` does not. */
export type RtcErrorCode =
  'RTC_CONFIG' | 'RTC_VALIDATION' | 'RTC_API' | 'RTC_NETWORK' | 'RTC_TIMEOUT' | 'RTC_ABORTED' | 'RTC_QUOTA';

/**
 * The root of everything this library throws. It holds nothing but what is declared here: no request, no
 * headers, no message, and no `cause` (but that of a `FanOutEnqueueError`), so it can be logged as it is.
 */
export abstract class RtcMessagingError extends Error {
  /** Which error it is, to switch on. */
  abstract readonly code: RtcErrorCode;
  /** What is known of the message: `rejected`, `unknown`, or `not_attempted` (no byte of it was sent). */
  readonly outcome: FailureOutcome;
  /** Every HTTP attempt that was made, oldest first. */
  readonly attempts: readonly Attempt[];
  /** True when more than one attempt may have been accepted (only with `onUnknown: 'resend'`). */
  readonly possibleDuplicate: boolean;
  /** The vendor's ID of the last request that was answered. */
  readonly requestId?: string;
  /** What to do about it, in a sentence. */
  readonly hint?: string;

  constructor(message: string, init: RtcMessagingErrorInit) {
    super(message);
    this.outcome = init.outcome;
    this.attempts = init.attempts ?? [];
    this.possibleDuplicate = init.possibleDuplicate ?? false;
    if (init.requestId !== undefined) this.requestId = init.requestId;
    if (init.hint !== undefined) this.hint = init.hint;
  }

  /** `JSON.stringify` leaves out an error's name and message otherwise. */
  toJSON(): object {
    return { ...this, name: this.name, message: this.message };
  }
}

/** Keeps `name` off the instance, as the errors of the language do. */
export function nameError(errorClass: { prototype: Error }, name: string): void {
  Object.defineProperty(errorClass.prototype, 'name', { value: name, configurable: true, writable: true });
}
