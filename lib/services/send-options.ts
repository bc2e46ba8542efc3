import type { RtcMessagingSettings } from '../config/settings.js';
import type { OptionTable } from '../options/option-table.js';
import { abortSignal, duration, oneOf } from '../options/rules.js';
import { SINGLE_SEND } from '../retry/call-policy.js';
import type { CallLimits, OnUnknown } from '../retry/send-call.js';

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

/** The whole of a call may take this many attempts' time, unless it is told otherwise. */
const DEADLINE_PER_TIMEOUT = 3;

/** The module's settings with a call's own options over them. */
export function callLimits(
  settings: RtcMessagingSettings,
  { timeoutMs = settings.timeoutMs, deadlineMs, onUnknown = settings.onUnknown }: SendOptions,
): CallLimits {
  return {
    timeoutMs,
    deadlineMs: deadlineMs ?? settings.deadlineMs ?? DEADLINE_PER_TIMEOUT * timeoutMs,
    maxAttempts: settings.retry.maxAttempts,
    onUnknown,
    policy: SINGLE_SEND,
    // Named, so that none is inherited.
    roomId: undefined,
    beforeSend: undefined,
  };
}
