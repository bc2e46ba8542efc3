import { isError } from '../errors/thrown.js';

/**
 * Whether importing an optional package failed because it is not installed, and not because of something that it
 * needs in turn: only the former is an app's choice. The import itself stands where it is needed, in a `try`, which
 * is where bundlers see that the package may be missing.
 */
export function isNotInstalled(error: unknown, name: string): boolean {
  if (!isError(error)) return false;
  // Yarn's Plug'n'Play says it in words of its own, and who asked for what.
  if ('pnpCode' in error) return error.message.includes(` tried to access ${name}`);
  return ['package', 'module'].some((what) => error.message.startsWith(`Cannot find ${what} '${name}'`));
}
