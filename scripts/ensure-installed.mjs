import { statSync } from 'node:fs';
import { run } from './run.mjs';

/**
 * Installs the dependencies when they are missing or older than the lock file. Whatever runs first after
 * cloning calls this, so it may import nothing but Node's own modules.
 */
export async function ensureInstalled() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const supported = (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major >= 24;
  if (!supported) {
    throw new Error(`Node ^20.19, ^22.12 or >=24 is needed; this is ${process.versions.node}.`);
  }
  const installedAt = modified('node_modules/.package-lock.json');
  if (installedAt !== undefined && installedAt >= (modified('package-lock.json') ?? 0)) return;
  // Without --include=dev, NODE_ENV=production would leave the tools out.
  await run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']);
}

function modified(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}
