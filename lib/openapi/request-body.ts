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
