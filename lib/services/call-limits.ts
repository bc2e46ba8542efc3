import type { RtcMessagingSettings } from '../config/settings.js';
import { SINGLE_SEND } from '../retry/call-policy.js';
import type { CallLimits } from '../retry/send-call.js';
import type { SendOptions } from './send-options.js';

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
