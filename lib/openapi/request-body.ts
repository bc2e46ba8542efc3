/** The bytes of a request's body. */
export class RequestBody {
  private constructor(
    readonly bytes: Buffer,
    /** Number of users in `To`. Undefined for a broadcast. */
    readonly recipients: number | undefined,
  ) {}

  /**
   * @param fields all fields but `To`, one of them set
   * @param to valid user IDs, which need no escaping. To join 600 takes half the time of `JSON.stringify()`.
   */
  static of(fields: Readonly<Record<string, unknown>>, to?: string | readonly string[]): RequestBody {
    const json = JSON.stringify(fields);
    if (to === undefined) return new RequestBody(Buffer.from(json), undefined);
    const isOne = typeof to === 'string';
    const recipients = isOne ? `"${to}"` : listOf(to);
    return new RequestBody(Buffer.from(`${json.slice(0, -1)},"To":${recipients}}`), isOne ? 1 : to.length);
  }

  /**
   * Prepares the bytes that all requests of a fan-out share.
   * @returns a function that makes a body for a list of recipients. Otherwise like {@link of}.
   */
  static template(fields: Readonly<Record<string, unknown>>): (to: readonly string[]) => RequestBody {
    const head = Buffer.from(`${JSON.stringify(fields).slice(0, -1)},"To":`);
    return (to) => {
      const rest = `${listOf(to)}}`;
      const bytes = Buffer.allocUnsafe(head.length + rest.length);
      head.copy(bytes);
      bytes.write(rest, head.length, 'latin1');
      return new RequestBody(bytes, to.length);
    };
  }
}

function listOf(to: readonly string[]): string {
  return to.length === 0 ? '[]' : `["${to.join('","')}"]`;
}

/**
 * Whether JSON keeps the contents of an object. It loses those of a Map, a form, a Blob or a stream. An object with a
 * `toJSON()` of its own counts as plain. It throws if a proxy throws.
 */
export function isPlain(given: object): boolean {
  const { pipe, toJSON } = given as { pipe?: unknown; toJSON?: unknown };
  if (typeof toJSON === 'function' || Array.isArray(given)) return true;
  const isIterable = Symbol.iterator in given || Symbol.asyncIterator in given;
  return toText.call(given) === '[object Object]' && !isIterable && typeof pipe !== 'function';
}

const { toString: toText } = Object.prototype;
