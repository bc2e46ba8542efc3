import { isError } from '../errors/thrown.js';

/**
 * Whether an import failed because an optional package is not installed, and not because a dependency of it is missing.
 * The import itself stands in a `try` where it is needed: there, bundlers see that the package may be missing.
 */
export function isNotInstalled(error: unknown, name: string): boolean {
  if (!isError(error)) return false;
  // Yarn's Plug'n'Play has its own message, which names the importing package too.
  if ('pnpCode' in error) return error.message.includes(` tried to access ${name}`);
  return ['package', 'module'].some((what) => error.message.startsWith(`Cannot find ${what} '${name}'`));
}
