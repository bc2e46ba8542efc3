/**
 * Holds what must not be printed with the object that holds it: a secret key, an agent with its sockets, a connection.
 * It is given out by a call alone, since `util.inspect(…, { getters: true })` runs getters.
 */
export class Redacted<T> {
  readonly #value: T;

  constructor(
    value: T,
    /** What is shown in its place. */
    readonly label: string,
  ) {
    this.#value = value;
  }

  open(): T {
    return this.#value;
  }
}
