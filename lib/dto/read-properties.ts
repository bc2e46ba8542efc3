import { isUint8Array } from 'node:util/types';
import { RtcValidationError } from '../errors/rtc-validation.error.js';
import { RTC_ACTIONS } from '../openapi/rtc-action.js';
import { MAX_RECIPIENTS } from './field-rules.js';

const MAX_BYTES = Math.max(...Object.values(RTC_ACTIONS).map(({ maxMessageBytes }) => maxMessageBytes));

/**
 * Reads what a caller gave, each property once, so that what is checked is what is sent, whatever getters and proxies
 * would say a second time: the object's own properties, and those of its classes that are known; nothing of a changed
 * `Object.prototype`.
 * @param known the names that mean something
 * @param path of the object, for the issue
 * @returns without a prototype, so that what was not given is undefined
 * @throws RtcValidationError when it can't be read
 */
export function readProperties(
  source: object,
  known: readonly string[],
  path: string,
): Record<string, unknown> {
  return readSafely(path, () => {
    const read = Object.create(null) as Record<string, unknown>;
    const names = [...Object.keys(source), ...known.filter((name) => isOfClass(source, name))];
    for (const name of new Set(names)) read[name] = (source as Record<string, unknown>)[name];
    return read;
  });
}

/** Whether a property comes from a class, such as a getter: from any prototype but the last, which all objects have. */
function isOfClass(source: object, name: string): boolean {
  let holder = Object.getPrototypeOf(source) as object | null;
  while (holder !== null) {
    const next = Object.getPrototypeOf(holder) as object | null;
    if (next !== null && Object.hasOwn(holder, name)) return true;
    holder = next;
  }
  return false;
}

/** The same with copies of lists and bytes, which are read more than once, and which the caller may change. */
export function copyProperties(
  source: object,
  known: readonly string[],
  path: string,
): Record<string, unknown> {
  const read = readProperties(source, known, path);
  for (const [name, value] of Object.entries(read)) read[name] = readSafely(name, () => copyValue(value));
  return read;
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
