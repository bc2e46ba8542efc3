/**
 * Reads what a caller gave, each property once, so that what is checked is what is used, whatever getters and proxies
 * would say a second time: the object's own properties, and those of its classes that are known; nothing of a changed
 * `Object.prototype`.
 * @param known the names that mean something
 * @returns without a prototype, so that what was not given is undefined; undefined when a getter or a proxy throws
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

/** What is wrong with what can't be read. */
export const UNREADABLE = "can't be read: a getter or a proxy of it throws";

/** Whether a property comes from a class, such as a getter: from any prototype but the last, which all objects have. */
function isOfClass(source: object, name: string): boolean {
  let holder = Object.getPrototypeOf(source) as object | null;
  while (holder !== null) {
    const next = Object.getPrototypeOf(holder) as object | null;
    if (next !== null && Object.hasOwn(holder, name)) return true;
    holder = next;
  }
  return false;
}
