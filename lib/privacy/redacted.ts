/**
 * Holds a value that must not be printed with the object that contains it: a secret key, an agent with its sockets, a
 * connection. It is returned by a method and not by a getter, since `util.inspect(…, { getters: true })` runs getters.
 */
export class Redacted<T> {
  readonly #value: T;

  constructor(
    value: T,
    /** Text that is shown instead of the value. */
    readonly label: string,
  ) {
    this.#value = value;
  }

  open(): T {
    return this.#value;
  }
}
