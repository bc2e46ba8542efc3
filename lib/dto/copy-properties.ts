import { isUint8Array } from 'node:util/types';
import { RtcValidationError } from '../errors/rtc-validation.error.js';
import { readProperties, UNREADABLE } from '../options/read-properties.js';
import { MAX_RECIPIENTS } from './field-rules.js';

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
  // The constructor calls no iterator, species or getter of a subclass.
  if (isUint8Array(value)) return new Uint8Array(value);
  return Array.isArray(value) ? copyList(value) : value;
}

/** Copies by index up to the first item that is one too many, and keeps the length. */
function copyList(list: readonly unknown[]): unknown[] {
  const { length } = list;
  const copy: unknown[] = [];
  for (let index = 0; index < length && index <= MAX_RECIPIENTS; index++) copy.push(list[index]);
  if (length > copy.length) copy.length = length;
  return copy;
}
