import { isUint8Array } from 'node:util/types';
import { RtcValidationError } from '../errors/rtc-validation.error.js';
import { RTC_ACTIONS } from '../openapi/rtc-action.js';
import { readProperties, UNREADABLE } from '../options/read-properties.js';
import { MAX_RECIPIENTS } from './field-rules.js';

const MAX_BYTES = Math.max(...Object.values(RTC_ACTIONS).map(({ maxMessageBytes }) => maxMessageBytes));

/**
 * The properties of a request, as {@link readProperties} reads them.
 * @throws RtcValidationError when they can't be read
 */
export function requestProperties(request: object, known: readonly string[]): Record<string, unknown> {
  const read = readProperties(request, known);
  if (read === undefined) throw new RtcValidationError([{ path: 'request', message: UNREADABLE }]);
  return read;
}

/**
 * Like {@link requestProperties}, with copies of lists and bytes, which are read more than once and which the caller
 * may change.
 */
export function copyProperties(request: object, known: readonly string[]): Record<string, unknown> {
  const read = requestProperties(request, known);
  for (const [name, value] of Object.entries(read)) {
    try {
      read[name] = copyValue(value);
    } catch {
      throw new RtcValidationError([{ path: name, message: UNREADABLE }]);
    }
  }
  return read;
}

function copyValue(value: unknown): unknown {
  if (isUint8Array(value)) return copyBytes(value);
  return Array.isArray(value) ? copyList(value) : value;
}

const byteLengthOf = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype) as object,
  'byteLength',
)?.get as (this: Uint8Array) => number;

/** Copies the real bytes. If they are too many for any message, only their number is kept. */
function copyBytes(bytes: Uint8Array): Uint8Array {
  const length = byteLengthOf.call(bytes);
  // The constructor calls no iterator, species or getter of a subclass.
  return length === 0 || length > MAX_BYTES ? new Uint8Array(length) : new Uint8Array(bytes);
}

/** Copies by index up to the first item that is one too many, and keeps the length. */
export function copyList(list: readonly unknown[], most = MAX_RECIPIENTS): unknown[] {
  const { length } = list;
  const copy: unknown[] = [];
  for (let index = 0; index < length && index <= most; index++) copy.push(list[index]);
  if (length > copy.length) copy.length = length;
  return copy;
}
