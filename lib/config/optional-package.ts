/**
 * Whether importing an optional package failed because it is not installed, and not because of something that it
 * needs in turn: only the former is an app's choice. The import itself stands where it is needed, in a `try`, which
 * is where bundlers see that the package may be missing.
 */
export function isNotInstalled(error: unknown, name: string): boolean {
  if (!(error instanceof Error)) return false;
  // Yarn's Plug'n'Play says it in words of its own, and who asked for what.
  if ('pnpCode' in error) return error.message.includes(` tried to access ${name}`);
  return ['package', 'module'].some((what) => error.message.startsWith(`Cannot find ${what} '${name}'`));
}

/**
 * The error of loading an entry of this package, or, if one of the packages that this entry needs beside the others
 * is not installed, one that says which, and what to install.
 */
export function explainMissingPeer(error: unknown, entry: string, peers: readonly string[]): unknown {
  const missing = peers.find((peer) => isNotInstalled(error, peer));
  if (missing === undefined) return error;
  const message = `${entry} needs ${missing}, which is not installed: npm install ${peers.join(' ')}`;
  return Object.assign(new Error(message, { cause: error }), { code: (error as { code?: unknown }).code });
}
