import type { OptionTable } from '../options/option-table.js';
import { abortSignal, duration, oneOf } from '../options/rules.js';
import type { OnUnknown } from '../retry/send-call.js';

/** How one call differs from the module's settings. */
export interface SendOptions {
  /** Gives the call up. The error's outcome tells whether the message may have been accepted by then. */
  readonly signal?: AbortSignal | undefined;
  /** How long one attempt may take, in milliseconds. Default: the module's `timeoutMs`. */
  readonly timeoutMs?: number | undefined;
  /**
   * How long the call may take as a whole, in milliseconds, waits and retries included. Default: the module's
   * `deadlineMs`, else three times `timeoutMs`.
   */
  readonly deadlineMs?: number | undefined;
  /** Whether to send again what may have been accepted. Default: the module's `onUnknown`. */
  readonly onUnknown?: OnUnknown | undefined;
}

export const SEND_OPTIONS = {
  signal: abortSignal,
  timeoutMs: duration,
  deadlineMs: duration,
  onUnknown: oneOf('report', 'resend'),
} satisfies OptionTable<SendOptions>;
