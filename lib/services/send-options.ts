import type { RtcMessagingSettings } from '../config/settings.js';
import type { OptionTable } from '../options/option-table.js';
import { abortSignal, duration, oneOf } from '../options/rules.js';
import { SINGLE_SEND } from '../retry/call-policy.js';
import type { CallPlan, OnUnknown } from '../retry/send-call.js';

/** Options of one call. They override the module's settings. */
export interface SendOptions {
  /** Aborts the call. The error's outcome says whether the message may have been accepted by then. */
  readonly signal?: AbortSignal | undefined;
  /** Time limit of one attempt, in milliseconds. Default: the module's `timeoutMs`. */
  readonly timeoutMs?: number | undefined;
  /**
   * Time limit of the whole call with its waits and retries, in milliseconds. Default: the module's `deadlineMs`, or
   * three times `timeoutMs`.
   */
  readonly deadlineMs?: number | undefined;
  /** Unknown outcomes: report them, or send again. Default: the module's `onUnknown`. */
  readonly onUnknown?: OnUnknown | undefined;
}

export const SEND_OPTIONS = {
  signal: abortSignal,
  timeoutMs: duration,
  deadlineMs: duration,
  onUnknown: oneOf('report', 'resend'),
} satisfies OptionTable<SendOptions>;

/** Default deadline of a call, in multiples of `timeoutMs`. */
const DEADLINE_PER_TIMEOUT = 3;

/**
 * The module's settings with a call's own options over them.
 * @param roomId the room of the message
 */
export function callPlan(
  settings: RtcMessagingSettings,
  { timeoutMs = settings.timeoutMs, deadlineMs, onUnknown = settings.onUnknown, signal }: SendOptions,
  roomId?: string,
): CallPlan {
  return {
    timeoutMs,
    deadlineMs: deadlineMs ?? settings.deadlineMs ?? DEADLINE_PER_TIMEOUT * timeoutMs,
    maxAttempts: settings.retry.maxAttempts,
    onUnknown,
    policy: SINGLE_SEND,
    roomId,
    signal,
    stop: undefined,
    fanOut: undefined,
    beforeSend: undefined,
  };
}
