/**
 * The kind of a thrown value: Node's code, the name of its class, or its type. An app's agent, provider or signal may
 * throw anything: a value of another realm, with getters that throw, and with any text.
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

/** Codes such as `ECONNRESET` and names such as `TypeError`. Any other text might be a part of a request. */
function isKind(text: unknown): text is string {
  return (
    typeof text === 'string' &&
    text.length <= 64 &&
    (/^[A-Z][A-Z0-9_]+$/.test(text) || /^([A-Z][A-Za-z]*)?(Error|Exception)$/.test(text))
  );
}

/**
 * Whether a thrown value is an error, by its shape. `instanceof Error` is false for errors of another realm. In Jest,
 * all of Node's own errors are.
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

/**
 * The kind of a thrown value, and where it was thrown, for a log. The message is left out: it may quote what a client
 * sent.
 */
export function describeThrown(thrown: unknown): string {
  return kindOfThrown(thrown) + framesOf(thrown);
}

function framesOf(thrown: unknown): string {
  try {
    const { stack = '', message } = thrown as Error;
    // Behind the message, which may have lines that look like these.
    const behind = stack.slice(stack.indexOf(message) + message.length);
    return stack.includes(message) ? (/\n {4}at .*/s.exec(behind)?.[0] ?? '') : '';
  } catch {
    return '';
  }
}
