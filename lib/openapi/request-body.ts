/** The bytes of a request's body. */
export class RequestBody {
  private constructor(
    readonly bytes: Buffer,
    /** Number of users in `To`. Undefined for a broadcast. */
    readonly recipients: number | undefined,
  ) {}

  /**
   * @param address the fields before `To`, one of them set
   * @param to valid user IDs, which need no escaping. Joining 600 takes half the time of `JSON.stringify()`.
   * @param message the fields after `To`, one of them set
   */
  static of(address: Fields, to: string | readonly string[] | undefined, message: Fields): RequestBody {
    const [head, tail] = partsOf(address, message);
    if (to === undefined) return new RequestBody(Buffer.from(`${head}${tail}`), undefined);
    const isOne = typeof to === 'string';
    const recipients = isOne ? `"${to}"` : listOf(to);
    return new RequestBody(Buffer.from(`${head},"To":${recipients}${tail}`), isOne ? 1 : to.length);
  }

  /**
   * Prepares the bytes that all requests of a fan-out share.
   * @returns a function that makes a body for a list of recipients. Otherwise like {@link of}.
   */
  static template(address: Fields, message: Fields): (to: readonly string[]) => RequestBody {
    const parts = partsOf(address, message);
    const head = Buffer.from(`${parts[0]},"To":`);
    const tail = Buffer.from(parts[1]);
    return (to) => {
      const list = listOf(to);
      const end = head.length + list.length;
      const bytes = Buffer.allocUnsafe(end + tail.length);
      head.copy(bytes);
      bytes.write(list, head.length, 'latin1');
      tail.copy(bytes, end);
      return new RequestBody(bytes, to.length);
    };
  }
}

type Fields = object;

/** The JSON of both, before and after `To`. */
function partsOf(address: Fields, message: Fields): [head: string, tail: string] {
  return [JSON.stringify(address).slice(0, -1), `,${JSON.stringify(message).slice(1)}`];
}

function listOf(to: readonly string[]): string {
  return to.length === 0 ? '[]' : `["${to.join('","')}"]`;
}
