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
  /** Becomes `hint`, and the end of the message. */
  readonly hint?: string | undefined;
}

/** Stable codes to switch on. They also work across copies of this package, where `instanceof` does not. */
export type RtcErrorCode =
  'RTC_CONFIG' | 'RTC_VALIDATION' | 'RTC_API' | 'RTC_NETWORK' | 'RTC_TIMEOUT' | 'RTC_ABORTED' | 'RTC_QUOTA';

/**
 * Base class of all errors of this library. It holds only what is declared here: no request, no headers, no message,
 * and no `cause` (except in `FanOutEnqueueError`). So it can be logged as it is.
 */
export abstract class RtcMessagingError extends Error {
  /** The kind of the error, to switch on. */
  abstract readonly code: RtcErrorCode;
  /** Outcome of the message: `rejected`, `unknown`, or `not_attempted` (no byte of it was sent). */
  readonly outcome: FailureOutcome;
  /** Every HTTP attempt that was made, oldest first. */
  readonly attempts: readonly Attempt[];
  /** True when more than one attempt may have been accepted (only with `onUnknown: 'resend'`). */
  readonly possibleDuplicate: boolean;
  /** The vendor's ID of the last request that was answered. */
  readonly requestId?: string;
  /** What to do about it, in a sentence or two. The message ends with it. */
  readonly hint?: string;
  /** Of a message with `receipt` or `once`. Receipts may tell what an unknown outcome was. */
  readonly messageId?: string;

  constructor(message: string, init: RtcMessagingErrorInit) {
    super(init.hint === undefined ? message : `${message} ${init.hint}`);
    this.outcome = init.outcome;
    this.attempts = init.attempts ?? [];
    this.possibleDuplicate = init.possibleDuplicate ?? false;
    if (init.requestId !== undefined) this.requestId = init.requestId;
    if (init.hint !== undefined) this.hint = init.hint;
  }

  /** Adds the name and the message, which `JSON.stringify` would leave out. */
  toJSON(): object {
    return { ...this, name: this.name, message: this.message };
  }
}

/** Sets `name` on the prototype, like the errors of the language. */
export function nameError(errorClass: { prototype: Error }, name: string): void {
  Object.defineProperty(errorClass.prototype, 'name', { value: name, configurable: true, writable: true });
}
