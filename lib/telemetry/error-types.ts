/** Of `error.type`, as the conventions have it. */
const OTHER = '_OTHER';

/**
 * Keeps the values of `error.type` few: codes come from the remote side, which may make up any number of them,
 * and each one is a time series.
 */
export class ErrorTypes {
  readonly #known = new Set<string>();

  constructor(private readonly limit = 100) {}

  /** @param code the vendor's, Node's or this library's */
  of(code: string | undefined): string {
    if (code === undefined) return OTHER;
    if (!this.#known.has(code)) {
      if (this.#known.size >= this.limit) return OTHER;
      this.#known.add(code);
    }
    return code;
  }
}
