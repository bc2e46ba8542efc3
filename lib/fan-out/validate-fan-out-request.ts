import { isPromise, isStringObject } from 'node:util/types';
import { describeType } from '../dto/field-rules.js';
import { REQUEST_FIELDS } from '../dto/request-fields.js';
import { checkCallOptions } from '../options/check-call-options.js';
import { flag, type Rule, unless } from '../options/rules.js';
import type { FanOutRequest } from './fan-out-request.js';

/** A source that can be read one by one. Its items are checked while they are read. */
const sourceOf = (what: string): Rule<object> =>
  unless((given) => {
    const rule = `expected an iterable or async iterable of ${what}`;
    if (typeof given === 'string' || isStringObject(given))
      return `is a string, whose characters would be taken for ${what}; ${rule}`;
    if (typeof given !== 'object' || given === null) return `${describeType(given)}; ${rule}`;
    const { [Symbol.iterator]: sync, [Symbol.asyncIterator]: async } = given as Partial<
      Iterable<unknown> & AsyncIterable<unknown>
    >;
    const isSource = typeof sync === 'function' || typeof async === 'function';
    if (isSource) return undefined;
    return `${isPromise(given) ? 'is a promise, which needs an await' : describeType(given)}; ${rule}`;
  });

/** The argument of `sendEach`. */
export const MESSAGES = { messages: { rule: sourceOf('requests'), required: true } } as const;
const DURABLE_REQUEST = {
  ...REQUEST_FIELDS.BatchSendRoomUnicast,
  to: { rule: sourceOf('user IDs'), required: true },
} as const;
const REQUEST = { ...DURABLE_REQUEST, skipAbsent: flag } as const;

/**
 * @param maySkip whether `skipAbsent` is allowed: durable fan-outs do not know who is there later
 * @throws RtcValidationError naming each invalid field
 */
export function validateFanOutRequest(request: FanOutRequest, maySkip = false): FanOutRequest {
  return checkCallOptions(maySkip ? REQUEST : DURABLE_REQUEST, request, '') as unknown as FanOutRequest;
}
