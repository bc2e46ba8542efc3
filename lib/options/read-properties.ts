/**
 * Reads each property of a caller's object once, so that the checked value is the used one, whatever getters and
 * proxies return later. It reads own properties, and known properties of the object's classes, but nothing of a changed
 * `Object.prototype`.
 * @param known names of the properties that have a meaning
 * @returns an object without a prototype, or undefined if a getter or a proxy throws
 */
export function readProperties(
  source: object,
  known: readonly string[],
): Record<string, unknown> | undefined {
  const read = Object.create(null) as Record<string, unknown>;
  try {
    const own = Object.keys(source);
    for (const name of own) read[name] = (source as Record<string, unknown>)[name];
    for (const name of known) {
      if (!own.includes(name) && isOfClass(source, name))
        read[name] = (source as Record<string, unknown>)[name];
    }
    return read;
  } catch {
    return undefined;
  }
}

/** The problem with an object that can't be read. */
export const UNREADABLE = "can't be read: a getter or a proxy of it throws";

/**
 * Whether a property, such as a getter, comes from a class: from any prototype but the last, which all objects share.
 */
function isOfClass(source: object, name: string): boolean {
  let holder = Object.getPrototypeOf(source) as object | null;
  while (holder !== null) {
    const next = Object.getPrototypeOf(holder) as object | null;
    if (next !== null && Object.hasOwn(holder, name)) return true;
    holder = next;
  }
  return false;
}
