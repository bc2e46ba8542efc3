import { isStringObject } from 'node:util/types';
import { describeType } from '../dto/field-rules.js';
import { REQUEST_DTOS } from '../dto/request-dtos.js';
import { validateRequest } from '../dto/validate-request.js';
import { RtcValidationError, type ValidationIssue } from '../errors/rtc-validation.error.js';
import type { FanOutRequest } from './fan-out-request.js';

/** Someone whom the rules of a single request can be asked about, since recipients are checked as they are read. */
const ANYONE = ['anyone'];

/** @throws RtcValidationError naming each field that breaks a rule */
export function validateFanOutRequest(request: FanOutRequest): FanOutRequest {
  const issues: ValidationIssue[] = [];
  let checked: Omit<FanOutRequest, 'to'> | undefined;
  const to: unknown = (request as Partial<FanOutRequest> | undefined)?.to;
  try {
    const fields = typeof request === 'object' && request !== null ? { ...request, to: ANYONE } : request;
    checked = validateRequest(REQUEST_DTOS.BatchSendRoomUnicast, fields as never);
  } catch (error) {
    if (!(error instanceof RtcValidationError)) throw error;
    issues.push(...error.issues);
  }
  const problem = sourceProblem(to);
  if (problem !== undefined) issues.push({ path: 'to', message: problem });
  if (checked === undefined || issues.length > 0) throw new RtcValidationError(issues);
  return { ...checked, to: to as FanOutRequest['to'] };
}

function sourceProblem(to: unknown): string | undefined {
  const rule = 'expected an iterable or async iterable of user IDs';
  if (typeof to === 'string' || isStringObject(to))
    return `is a string, whose characters would be taken for user IDs; ${rule}`;
  if (typeof to !== 'object' || to === null) return `${describeType(to)}; ${rule}`;
  const { [Symbol.iterator]: sync, [Symbol.asyncIterator]: async } = to as Partial<
    Iterable<unknown> & AsyncIterable<unknown>
  >;
  return typeof sync === 'function' || typeof async === 'function'
    ? undefined
    : `can't be read one by one; ${rule}`;
}
