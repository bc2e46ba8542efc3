import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** The project's root; every script works from here, wherever it was called. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url));
process.chdir(ROOT);

/** Runs a command to its end, showing what it prints. Throws when it fails. */
export async function run(command, args, { env = {}, quiet = false } = {}) {
  if (!quiet) console.log(`\n> ${[command, ...args].join(' ')}`);
  // On Windows npm is a .cmd file, which only a shell can start.
  const child = spawn(command, args, {
    stdio: 'inherit',
    env: { ...process.env, ...env },
    shell: process.platform === 'win32' && command === 'npm',
  });
  const [code, signal] = await once(child, 'exit');
  if (code !== 0) throw new Error(`${command} ${args[0] ?? ''} ended with ${signal ?? `exit code ${code}`}`);
}

/** Runs a tool of node_modules with this Node. */
export function runTool(script, args, options) {
  return run(process.execPath, [`node_modules/${script}`, ...args], options);
}

/** Runs Jest, which loads ES modules only behind a flag. */
export function runJest(args, env = {}) {
  const NODE_OPTIONS =
    '--experimental-vm-modules --disable-warning=ExperimentalWarning --disable-warning=RtcEmulatorWarning';
  return runTool('jest/bin/jest.js', args, { env: { NODE_OPTIONS, ...env } });
}
