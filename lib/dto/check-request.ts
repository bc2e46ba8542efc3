import { RtcValidationError, type ValidationIssue } from '../errors/rtc-validation.error.js';
import { RTC_ACTIONS, type RtcActionName, type RtcActionRules } from '../openapi/rtc-action.js';
import { flagProblem, idProblem, MAX_LISTED, messageProblem, recipientProblems } from './field-rules.js';
import { NO_SENDER, pathInList } from './field.decorators.js';
import type { MessageRequest } from './message.dto.js';
import { printableName } from '../options/rules.js';
import { copyProperties } from './copy-properties.js';

/** What a request may have, whichever its action. */
export const REQUEST_FIELDS = ['roomId', 'to', 'message', 'binary', 'from'] as const;

/** A request of any action that keeps to the rules. */
export interface CheckedRequest extends MessageRequest {
  readonly roomId?: string | undefined;
  readonly to?: string | readonly string[] | undefined;
}

/**
 * Checks anything against the rules of an action's request. It is the caller's no more: lists and bytes are copied, and
 * what was not given is undefined, whatever `Object.prototype` says. The DTOs have the same rules for class-validator,
 * which a changed `Object.prototype` would throw off.
 * @param mayNameSender whether it may have a `from`
 * @throws RtcValidationError with every rule that is broken
 */
export function checkRequest(action: RtcActionName, input: unknown, mayNameSender = true): CheckedRequest {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new RtcValidationError([{ path: 'request', message: 'must be an object' }]);
  }
  const { inRoom, to, maxMessageBytes }: RtcActionRules = RTC_ACTIONS[action];
  const { roomId, to: recipients, message, binary, from, ...others } = copyProperties(input, REQUEST_FIELDS);
  const issues: ValidationIssue[] = [];
  const add = (path: string, problem: string | undefined): void => {
    if (problem !== undefined) issues.push({ path, message: problem });
  };
  const unknown = new Set(Object.keys(others));

  if (inRoom) add('roomId', idProblem(roomId));
  else if (roomId !== undefined) unknown.add('roomId');
  if (to === 'one') add('to', idProblem(recipients));
  else if (to === 'list') {
    for (const problem of recipientProblems(recipients)) add(pathInList('to', problem), problem.message);
  } else if (recipients !== undefined) unknown.add('to');
  add('message', messageProblem(message, binary, maxMessageBytes));
  if (binary !== undefined) add('binary', flagProblem(binary));
  if (from !== undefined) add('from', mayNameSender ? idProblem(from) : NO_SENDER);

  issues.push(...unknownIssues([...unknown]));
  if (issues.length > 0) throw new RtcValidationError(issues);
  return { roomId, to: recipients, message, binary, from } as CheckedRequest;
}

function unknownIssues(names: readonly string[]): ValidationIssue[] {
  const listed = names
    .slice(0, MAX_LISTED)
    .map((name) => ({ path: printableName(name), message: 'is not a known property' }));
  const unlisted = names.length - listed.length;
  return unlisted === 0
    ? listed
    : [...listed, { path: 'request', message: `has ${unlisted} more unknown properties` }];
}
