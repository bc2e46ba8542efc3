import { isStringObject } from 'node:util/types';
import { type CheckedRequest, checkRequest, REQUEST_FIELDS } from '../dto/check-request.js';
import { describeType, flagProblem } from '../dto/field-rules.js';
import { readProperties } from '../dto/read-properties.js';
import { RtcValidationError, type ValidationIssue } from '../errors/rtc-validation.error.js';
import type { FanOutRequest } from './fan-out-request.js';

/** Someone whom the rules of a single request can be asked about, since recipients are checked as they are read. */
const ANYONE = ['anyone'];

/**
 * @param maySkip whether those who are not in the room can be left out (`skipAbsent`)
 * @throws RtcValidationError naming each field that breaks a rule
 */
export function validateFanOutRequest(request: FanOutRequest, maySkip = false): FanOutRequest {
  const issues: ValidationIssue[] = [];
  let checked: CheckedRequest | undefined;
  // The source is read later, and by another rule.
  const isObject = typeof request === 'object' && request !== null;
  const fields = [...REQUEST_FIELDS, 'skipAbsent'];
  const { to, skipAbsent, ...message } = isObject ? readProperties(request, fields, 'request') : {};
  const skipProblem = skipAbsent === undefined ? undefined : flagProblem(skipAbsent);
  if (skipProblem !== undefined) issues.push({ path: 'skipAbsent', message: skipProblem });
  else if (skipAbsent === true && !maySkip) {
    issues.push({
      path: 'skipAbsent',
      message: 'is not for durable fan-outs: who is there is known for a moment alone',
    });
  }
  try {
    checked = checkRequest('BatchSendRoomUnicast', isObject ? { ...message, to: ANYONE } : request);
  } catch (error) {
    if (!(error instanceof RtcValidationError)) throw error;
    issues.push(...error.issues);
  }
  const problem = sourceProblem(to, 'user IDs');
  if (problem !== undefined) issues.push({ path: 'to', message: problem });
  if (checked === undefined || issues.length > 0) throw new RtcValidationError(issues);
  return { ...checked, to, skipAbsent } as FanOutRequest;
}

/** @throws RtcValidationError when it can't be read one by one */
export function requireSource(path: string, what: string, source: unknown): void {
  const message = sourceProblem(source, what);
  if (message !== undefined) throw new RtcValidationError([{ path, message }]);
}

function sourceProblem(to: unknown, what: string): string | undefined {
  const rule = `expected an iterable or async iterable of ${what}`;
  if (typeof to === 'string' || isStringObject(to))
    return `is a string, whose characters would be taken for ${what}; ${rule}`;
  if (typeof to !== 'object' || to === null) return `${describeType(to)}; ${rule}`;
  try {
    const { [Symbol.iterator]: sync, [Symbol.asyncIterator]: async } = to as Partial<
      Iterable<unknown> & AsyncIterable<unknown>
    >;
    if (typeof sync === 'function' || typeof async === 'function') return undefined;
  } catch {
    // A proxy may throw whatever is asked of it.
  }
  return `can't be read one by one; ${rule}`;
}
