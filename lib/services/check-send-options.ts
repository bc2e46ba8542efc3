import { RtcValidationError, type ValidationIssue } from '../errors/rtc-validation.error.js';
import type { SendOptions } from './send-options.js';

const KNOWN = new Set(['signal', 'timeoutMs']);
/** The longest delay that Node's timers take; a longer one would fire at once. */
const MAX_TIMER_MS = 2_147_483_647;

/** @throws RtcValidationError naming each option that can't be used */
export function checkSendOptions(options: SendOptions): SendOptions {
  if (typeof options !== 'object' || options === null) {
    throw new RtcValidationError([{ path: 'options', message: 'must be an object' }]);
  }
  const issues: ValidationIssue[] = [];
  const { signal, timeoutMs } = options;
  if (signal !== undefined && !isAbortSignal(signal)) {
    issues.push({ path: 'options.signal', message: 'must be an AbortSignal' });
  }
  if (
    timeoutMs !== undefined &&
    !(Number.isInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs <= MAX_TIMER_MS)
  ) {
    issues.push({
      path: 'options.timeoutMs',
      message: `must be a whole number of milliseconds from 1 to ${MAX_TIMER_MS}`,
    });
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
