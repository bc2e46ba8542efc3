import { isStringObject } from 'node:util/types';
import { type CheckedRequest, checkRequest, REQUEST_FIELDS } from '../dto/check-request.js';
import { describeType, flagProblem } from '../dto/field-rules.js';
import { requestProperties } from '../dto/copy-properties.js';
import { RtcValidationError, type ValidationIssue } from '../errors/rtc-validation.error.js';
import type { FanOutRequest } from './fan-out-request.js';

/** A stand-in recipient for the rules of a single request. The real ones are checked while they are read. */
const ANYONE = ['anyone'];

/**
 * @param maySkip whether `skipAbsent` is allowed
 * @throws RtcValidationError naming each invalid field
 */
export function validateFanOutRequest(request: FanOutRequest, maySkip = false): FanOutRequest {
  const issues: ValidationIssue[] = [];
  let checked: CheckedRequest | undefined;
  // The source is read and checked later.
  const isObject = typeof request === 'object' && request !== null;
  const fields = [...REQUEST_FIELDS, 'skipAbsent'];
  const { to, skipAbsent = false, ...message } = isObject ? requestProperties(request, fields) : {};
  try {
    checked = checkRequest('BatchSendRoomUnicast', isObject ? { ...message, to: ANYONE } : request);
  } catch (error) {
    if (!(error instanceof RtcValidationError)) throw error;
    issues.push(...error.issues);
  }
  const problems = {
    to: sourceProblem(to, 'user IDs'),
    skipAbsent:
      skipAbsent === true && !maySkip
        ? 'is not for durable fan-outs: who is there is known for a moment alone'
        : flagProblem(skipAbsent),
  };
  for (const [path, message] of Object.entries(problems)) if (message) issues.push({ path, message });
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
    // A proxy may throw on any access.
  }
  return `can't be read one by one; ${rule}`;
}
