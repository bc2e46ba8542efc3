import { RtcValidationError, type ValidationIssue } from '../errors/rtc-validation.error.js';
import type { RtcActionName } from '../openapi/rtc-action.js';
import { isArray, MAX_LISTED, printableName } from '../options/rules.js';
import { copyProperties } from './copy-properties.js';
import { NO_SENDER, pathInList, type RequestField, requestFields, SENDER_FIELD } from './request-fields.js';
import type { MessageRequest } from './requests.dto.js';

/** What a request may have, whichever its action. */
export const REQUEST_FIELDS = ['roomId', 'to', 'message', 'binary', 'from'] as const;

/** A checked request of any action. */
export interface CheckedRequest extends MessageRequest {
  readonly roomId?: string | undefined;
  readonly to?: string | readonly string[] | undefined;
}

/**
 * Checks any value against the rules of an action's request. The result is independent of the caller's object: lists
 * and bytes are copied, and unset fields are undefined, whatever `Object.prototype` contains. The DTOs have the same
 * rules for class-validator, which a changed `Object.prototype` would mislead.
 * @param mayNameSender whether the request may have a `from`
 * @throws RtcValidationError with every violated rule
 */
export function checkRequest(action: RtcActionName, input: unknown, mayNameSender = true): CheckedRequest {
  if (typeof input !== 'object' || input === null || isArray(input)) {
    throw new RtcValidationError([{ path: 'request', message: 'must be an object' }]);
  }
  const given = copyProperties(input, REQUEST_FIELDS);
  const fields = requestFields(action);
  const issues: ValidationIssue[] = [];
  const check = (name: string, { required, problemsOf }: RequestField): void => {
    const value = given[name];
    if (value === undefined && !required) return;
    for (const problem of problemsOf(value, given))
      issues.push({ path: pathInList(name, problem), message: problem.message });
  };
  for (const [name, field] of fields) check(name, field);
  if (mayNameSender) check('from', SENDER_FIELD);
  else if (given['from'] !== undefined) issues.push({ path: 'from', message: NO_SENDER });

  const { roomId, to, message, binary, from, ...others } = given;
  const misplaced = Object.keys({ roomId, to }).filter(
    (name) => given[name] !== undefined && !fields.has(name),
  );
  const unknown = [...Object.keys(others), ...misplaced].slice(0, MAX_LISTED);
  issues.push(...unknown.map((name) => ({ path: printableName(name), message: 'is not a known property' })));
  if (issues.length > 0) throw new RtcValidationError(issues);
  return { roomId, to, message, binary, from } as CheckedRequest;
}
