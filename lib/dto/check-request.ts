import type { RtcActionName } from '../openapi/rtc-action.js';
import { checkCallOptions } from '../options/check-call-options.js';
import { REQUEST_FIELDS } from './request-fields.js';
import type { MessageRequest } from './requests.dto.js';

/** A checked request of any action. */
export interface CheckedRequest extends MessageRequest {
  readonly roomId?: string | undefined;
  readonly to?: string | readonly string[] | undefined;
}

/**
 * Checks any value against the rules of an action's request. The result is independent of the caller's object. The DTOs
 * have the same rules for class-validator, which a changed `Object.prototype` would mislead.
 * @throws RtcValidationError with every violated rule
 */
export function checkRequest(action: RtcActionName, request: unknown): CheckedRequest {
  return checkCallOptions(REQUEST_FIELDS[action], request, '') as unknown as CheckedRequest;
}
