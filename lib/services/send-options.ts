import type { RtcMessagingSettings } from '../config/settings.js';
import type { OptionTable } from '../options/option-table.js';
import { abortSignal, duration, flag, oneOf, wholeNumber } from '../options/rules.js';
import { type CallPlan, type OnUnknown, SINGLE_SEND } from '../retry/call-policy.js';

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
  /**
   * Whether the users' apps confirm the message, see `ReceiptService` of `nestjs-rtc-messaging/receipts`; with `once`
   * included. All of them must use the receiver: others show the 40 bytes that are put before the message, which count
   * toward its size. Not for broadcasts. Default false. Experimental.
   */
  readonly receipt?: boolean | undefined;
  /**
   * Whether the receivers in the users' apps (`nestjs-rtc-messaging/receiver`) drop copies of the message, such as
   * `onUnknown: 'resend'` makes. As with `receipt`, all apps must use one. Default false. Experimental.
   */
  readonly once?: boolean | undefined;
}

/** What limits any call. */
const LIMITS = { signal: abortSignal, timeoutMs: duration, deadlineMs: duration };

export const SEND_OPTIONS = {
  ...LIMITS,
  onUnknown: oneOf('report', 'resend'),
  receipt: flag,
  once: flag,
} satisfies OptionTable<SendOptions>;

/** Options of one call of another action. They override the module's settings. */
export interface OpenApiOptions extends Pick<SendOptions, 'signal' | 'timeoutMs' | 'deadlineMs'> {
  /**
   * Rate limit of the action in requests a second, 1–1,000,000: the vendor's limit. All calls of the action with the
   * same access key share one limit, the smallest that was given for it. Actions of `RoomPresenceService` also have its
   * limits. Default, if none was given: 10, the smallest limit in the vendor's pages.
   */
  readonly requestsPerSecond?: number | undefined;
}

export const OPEN_API_OPTIONS = {
  ...LIMITS,
  requestsPerSecond: wholeNumber(1, 1_000_000),
} satisfies OptionTable<OpenApiOptions>;

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
    beforeCall: undefined,
    beforeSend: undefined,
  };
}
