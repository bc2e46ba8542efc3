/**
 * What kind of thing was thrown: Node's code, the name of its class, or its type. Whatever an app's own agent,
 * provider or signal throws comes here: it may be anything, of any realm, with getters that throw themselves, and its
 * text may hold anything.
 */
export function kindOfThrown(thrown: unknown): string {
  try {
    if (typeof thrown !== 'object' || thrown === null) return typeof thrown;
    const { code, name } = thrown as { code?: unknown; name?: unknown };
    return [code, name].find(isKind) ?? 'object';
  } catch {
    return 'object';
  }
}

/** `ECONNRESET`, `TypeError`: nothing else, which might be a piece of a request. */
function isKind(text: unknown): text is string {
  return (
    typeof text === 'string' &&
    text.length <= 64 &&
    (/^[A-Z][A-Z0-9_]+$/.test(text) || /^([A-Z][A-Za-z]*)?(Error|Exception)$/.test(text))
  );
}

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
