import { UNREADABLE } from '../options/read-properties.js';

/** A body can't be sent as JSON. The message names what is wrong with it, and quotes nothing. */
export class UnsendableBodyError extends Error {
  override readonly name = 'UnsendableBodyError';

  constructor(
    message: string,
    /** Path of the wrong part, if it is well-formed. '' is the body itself. */
    readonly field = '',
  ) {
    super(message);
  }
}

/** Deepest body. Whether a deeper one can be written depends on the free stack. */
const MAX_DEPTH = 1_000;

/**
 * Writes an object of plain fields as JSON.
 * @throws UnsendableBodyError if JSON would not keep the contents of the object or of one of its parts
 */
export function writeJson(body: unknown): string {
  const places = new WeakMap<object, readonly string[]>();
  let json: string | undefined;
  try {
    json = JSON.stringify(body, function (this: Readonly<Record<string, unknown>>, name, value: unknown) {
      if (typeof value !== 'object' || value === null) return value;
      const place = [...(places.get(this) ?? []), name];
      // A Buffer has a toJSON(), which makes an object of it.
      const given = ArrayBuffer.isView(this[name]) ? this[name] : value;
      const problem = plainProblem(given);
      if (problem !== undefined) throw new UnsendableBodyError(problem, pathOf(place));
      if (place.length > MAX_DEPTH)
        throw new UnsendableBodyError(`is nested more than ${MAX_DEPTH} levels deep`);
      places.set(value, place);
      return value;
    });
  } catch (error) {
    if (error instanceof UnsendableBodyError) throw error;
    throw new UnsendableBodyError(
      "can't be written as JSON: it has a circle or a BigInt, or a getter, a proxy or a toJSON() of it throws",
    );
  }
  // toJSON() may return anything.
  if (json?.startsWith('{') !== true) throw new UnsendableBodyError('must be an object of plain fields');
  return json;
}

/** What is wrong with an object whose contents are not in its fields, such as those of a Map, a form or a stream. */
export function plainProblem(given: object): string | undefined {
  try {
    if (Array.isArray(given)) return undefined;
    const kind = toText.call(given).slice('[object '.length, -1);
    const isStream = typeof (given as { pipe?: unknown }).pipe === 'function';
    if (kind === 'Object' && !isStream && !(Symbol.iterator in given || Symbol.asyncIterator in given))
      return undefined;
    const got = /^\w{1,40}$/.test(kind) && kind !== 'Object' ? kind : 'a stream or an iterable';
    return `must be an object of plain fields, got ${got}`;
  } catch {
    return UNREADABLE;
  }
}

const { toString: toText } = Object.prototype;

/** Names of fields may be any text. They are not repeated unless they are well-formed. */
function pathOf([, ...names]: readonly string[]): string {
  return names.every((name) => /^\w{1,64}$/.test(name)) ? names.join('.') : '';
}
