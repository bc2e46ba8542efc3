import { MAX_DURATION_MS } from '../config/settings.js';
import { abortSignal, checkOptions, milliseconds, oneOf } from '../dto/check-options.js';
import type { SendOptions } from './send-options.js';

/** @throws RtcValidationError naming each option that can't be used */
export function checkSendOptions(options: SendOptions): SendOptions {
  return checkOptions<SendOptions>(options, {
    signal: abortSignal,
    timeoutMs: milliseconds(MAX_DURATION_MS),
    deadlineMs: milliseconds(MAX_DURATION_MS),
    onUnknown: oneOf('report', 'resend'),
  });
}
