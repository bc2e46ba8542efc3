import { isStringObject } from 'node:util/types';
import { type CheckedRequest, checkRequest, REQUEST_FIELDS } from '../dto/check-request.js';
import { describeType } from '../dto/field-rules.js';
import { requestProperties } from '../dto/copy-properties.js';
import { RtcValidationError, type ValidationIssue } from '../errors/rtc-validation.error.js';
import type { FanOutRequest } from './fan-out-request.js';

/** Someone whom the rules of a single request can be asked about, since recipients are checked as they are read. */
const ANYONE = ['anyone'];

/** @throws RtcValidationError naming each field that breaks a rule */
export function validateFanOutRequest(request: FanOutRequest): FanOutRequest {
  const issues: ValidationIssue[] = [];
  let checked: CheckedRequest | undefined;
  // The source is read later, and by another rule.
  const isObject = typeof request === 'object' && request !== null;
  const { to, ...message } = isObject ? requestProperties(request, REQUEST_FIELDS) : {};
  try {
    checked = checkRequest('BatchSendRoomUnicast', isObject ? { ...message, to: ANYONE } : request);
  } catch (error) {
    if (!(error instanceof RtcValidationError)) throw error;
    issues.push(...error.issues);
  }
  const problem = sourceProblem(to);
  if (problem !== undefined) issues.push({ path: 'to', message: problem });
  if (checked === undefined || issues.length > 0) throw new RtcValidationError(issues);
  return { ...checked, to } as FanOutRequest;
}

function sourceProblem(to: unknown): string | undefined {
  const rule = 'expected an iterable or async iterable of user IDs';
  if (typeof to === 'string' || isStringObject(to))
    return `is a string, whose characters would be taken for user IDs; ${rule}`;
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
