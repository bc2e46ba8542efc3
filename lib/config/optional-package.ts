/**
 * Loads a package that an app may have installed or not.
 * @param load imports it by a literal name, which bundlers can see: `() => import('…')`
 * @returns undefined when it is not installed. Rejects when it is, and can't be loaded.
 */
export async function importIfInstalled<T>(name: string, load: () => Promise<T>): Promise<T | undefined> {
  try {
    return await load();
  } catch (error) {
    if (isMissing(error, name)) return undefined;
    throw error;
  }
}

/** Whether it is this package that can't be found, and not one that it needs itself. */
function isMissing(error: unknown, name: string): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  const notFound = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
  return notFound && message.includes(`'${name}'`);
}
