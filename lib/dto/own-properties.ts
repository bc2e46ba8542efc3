import { isUint8Array } from 'node:util/types';
import { RtcValidationError } from '../errors/rtc-validation.error.js';
import { RTC_ACTIONS } from '../openapi/rtc-action.js';
import { MAX_RECIPIENTS } from './field-rules.js';

const MAX_BYTES = Math.max(...Object.values(RTC_ACTIONS).map(({ maxMessageBytes }) => maxMessageBytes));

/**
 * Reads what a caller gave, each property once and none that is inherited: what is checked then is what is sent,
 * whatever getters, proxies and changed prototypes would say a second time.
 * @param path of the object, for the issue
 * @returns without a prototype, so that what was not given is undefined
 * @throws RtcValidationError when it can't be read
 */
export function readOwnProperties(source: object, path: string): Record<string, unknown> {
  return readSafely(path, () => {
    const own = Object.create(null) as Record<string, unknown>;
    for (const name of Object.keys(source)) own[name] = (source as Record<string, unknown>)[name];
    return own;
  });
}

/** The same with copies of lists and bytes, which are read more than once, and which the caller may change. */
export function copyOwnProperties(source: object, path: string): Record<string, unknown> {
  const own = readOwnProperties(source, path);
  for (const [name, value] of Object.entries(own)) own[name] = readSafely(name, () => copyValue(value));
  return own;
}

function readSafely<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch {
    throw new RtcValidationError([{ path, message: "can't be read: a getter or a proxy of it throws" }]);
  }
}

function copyValue(value: unknown): unknown {
  if (isUint8Array(value)) return copyBytes(value);
  return Array.isArray(value) ? copyList(value) : value;
}

const byteLengthOf = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype) as object,
  'byteLength',
)?.get as (this: Uint8Array) => number;

/** As many bytes as there really are; of what is too many for any message, only that. */
function copyBytes(bytes: Uint8Array): Uint8Array {
  const length = byteLengthOf.call(bytes);
  // By the constructor, which asks no iterator, species or getter of a subclass.
  return length === 0 || length > MAX_BYTES ? new Uint8Array(length) : new Uint8Array(bytes);
}

/** By index, up to the first that is one too many; as long as the original. */
function copyList(list: readonly unknown[]): unknown[] {
  const { length } = list;
  const copy: unknown[] = [];
  for (let index = 0; index < length && index <= MAX_RECIPIENTS; index++) copy.push(list[index]);
  if (length > copy.length) copy.length = length;
  return copy;
}
