/**
 * Whether something that was thrown elsewhere is an error. By its shape: `instanceof Error` is false of what comes from
 * another realm, which in Jest is everything that Node itself throws.
 */
export function isError(thrown: unknown): thrown is Error {
  if (typeof thrown !== 'object' || thrown === null) return false;
  try {
    const { name, message } = thrown as Partial<Error>;
    return typeof name === 'string' && typeof message === 'string';
  } catch {
    return false;
  }
}

/** What kind of thing was thrown, without anything that its message may hold. */
export function kindOf(thrown: unknown): string {
  if (!isError(thrown)) return typeof thrown;
  return /^\w{1,64}$/.test(thrown.name) ? thrown.name : 'an error';
}
