/** The bytes of a request's body. */
export class RequestBody {
  private constructor(
    readonly bytes: Buffer,
    /** Number of users in `To`. Undefined for a broadcast. */
    readonly recipients: number | undefined,
  ) {}

  static of(fields: Readonly<Record<string, unknown>>): RequestBody {
    const { To } = fields;
    const recipients = Array.isArray(To) ? To.length : To === undefined ? undefined : 1;
    return new RequestBody(Buffer.from(JSON.stringify(fields)), recipients);
  }

  /**
   * Prepares the JSON that all requests of a fan-out share.
   * @param fields all fields but `To`
   * @returns a function that makes a body from valid user IDs, which need no escaping
   */
  static template(fields: Readonly<Record<string, unknown>>): (to: readonly string[]) => RequestBody {
    const head = Buffer.from(`${JSON.stringify(fields).slice(0, -1)},"To":["`);
    return (to) => {
      const rest = `${to.join('","')}"]}`;
      const bytes = Buffer.allocUnsafe(head.length + rest.length);
      head.copy(bytes);
      bytes.write(rest, head.length, 'latin1');
      return new RequestBody(bytes, to.length);
    };
  }
}

/**
 * Whether what an object holds is what JSON would have of it. Of a Map, a form, a Blob or a stream, JSON has nothing.
 * What makes its own JSON knows what it does. Throws what a proxy throws.
 */
export function isPlain(given: object): boolean {
  const { pipe, toJSON } = given as { pipe?: unknown; toJSON?: unknown };
  if (typeof toJSON === 'function' || Array.isArray(given)) return true;
  const isIterable = Symbol.iterator in given || Symbol.asyncIterator in given;
  return toText.call(given) === '[object Object]' && !isIterable && typeof pipe !== 'function';
}

const { toString: toText } = Object.prototype;
