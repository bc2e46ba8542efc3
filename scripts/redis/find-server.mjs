import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { once } from 'node:events';
import { delimiter, join } from 'node:path';

const COMMANDS = ['redis-server', 'valkey-server'];
const TO_INSTALL =
  'Install Redis 5 or later (Debian, Ubuntu: apt-get install redis-server; macOS: brew install redis; Fedora: ' +
  'dnf install valkey), or set REDIS_URL to one that runs.';

/**
 * The path of a server's command, installed first if need be and possible.
 * @returns {Promise<string>}
 */
export async function findServer() {
  const found = await search();
  if (found !== undefined) return found;
  const isRoot = process.getuid?.() === 0;
  if (!isRoot || (await onPath('apt-get')) === undefined) {
    throw new Error(`Neither redis-server nor valkey-server is on the path. ${TO_INSTALL}`);
  }
  await install();
  const installed = await search();
  if (installed === undefined) throw new Error(`redis-server could not be installed. ${TO_INSTALL}`);
  return installed;
}

async function install() {
  console.error(
    'Neither redis-server nor valkey-server is on the path: installing redis-server with apt-get.',
  );
  // Others may be installing the same at this moment.
  const wait = ['-o', 'DPkg::Lock::Timeout=300', '-qq'];
  try {
    await aptGet([...wait, 'update']);
    await aptGet([...wait, 'install', '-y', '--no-install-recommends', 'redis-server']);
  } catch (error) {
    throw new Error(`redis-server could not be installed: ${error.message}. ${TO_INSTALL}`, { cause: error });
  }
}

async function aptGet(args) {
  // What it prints goes to stderr, since stdout may be a program's result. The run level keeps it from starting
  // a service of its own.
  const child = spawn('apt-get', args, {
    stdio: ['ignore', 2, 2],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
  });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`apt-get ${args.at(-1)} ended with exit code ${code}`);
}

async function search() {
  for (const command of COMMANDS) {
    const found = await onPath(command);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function onPath(command) {
  for (const directory of (process.env.PATH ?? '').split(delimiter)) {
    if (directory === '') continue;
    const path = join(directory, command);
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  return undefined;
}
