import { MAX_DURATION_MS } from '../config/settings.js';
import { RtcValidationError, type ValidationIssue } from '../errors/rtc-validation.error.js';
import type { SendOptions } from './send-options.js';

const KNOWN = new Set(['signal', 'timeoutMs', 'deadlineMs', 'onUnknown']);

/** @throws RtcValidationError naming each option that can't be used */
export function checkSendOptions(options: SendOptions): SendOptions {
  if (typeof options !== 'object' || options === null) {
    throw new RtcValidationError([{ path: 'options', message: 'must be an object' }]);
  }
  const issues: ValidationIssue[] = [];
  const { signal, onUnknown } = options;
  if (signal !== undefined && !isAbortSignal(signal)) {
    issues.push({ path: 'options.signal', message: 'must be an AbortSignal' });
  }
  for (const name of ['timeoutMs', 'deadlineMs'] as const) {
    const value = options[name];
    if (value !== undefined && !(Number.isInteger(value) && value >= 1 && value <= MAX_DURATION_MS)) {
      issues.push({
        path: `options.${name}`,
        message: `must be a whole number of milliseconds from 1 to ${MAX_DURATION_MS}`,
      });
    }
  }
  if (onUnknown !== undefined && onUnknown !== 'report' && onUnknown !== 'resend') {
    issues.push({ path: 'options.onUnknown', message: 'must be report or resend' });
  }
  for (const name of Object.keys(options)) {
    if (!KNOWN.has(name)) issues.push({ path: `options.${name}`, message: 'is not a known option' });
  }
  if (issues.length > 0) throw new RtcValidationError(issues);
  return options;
}

/** By what is asked of it, since a signal may be of another realm or a polyfill. */
function isAbortSignal(value: unknown): boolean {
  const signal = value as Partial<AbortSignal> | null;
  return (
    typeof signal?.aborted === 'boolean' &&
    typeof signal.addEventListener === 'function' &&
    typeof signal.removeEventListener === 'function'
  );
}
