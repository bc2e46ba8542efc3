import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { run } from '../run.mjs';

const execFileAsync = promisify(execFile);

/**
 * Installs a Node of each of the given versions into a folder. They come from the packages that the npm package
 * `node` chooses among with a script of its own, so that no script has to run.
 */
export async function installNodes(folder, versions) {
  const system = process.platform === 'win32' ? 'win' : process.platform;
  const named = versions.map((version) => [
    `node-${version}`,
    `npm:node-${system}-${process.arch}@${version}`,
  ]);
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ private: true, dependencies: Object.fromEntries(named) }),
  );
  await run('npm', [
    'install',
    '--prefix',
    folder,
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ]);
  return Promise.all(
    named.map(async ([name]) => {
      const path = join(
        folder,
        'node_modules',
        name,
        'bin',
        process.platform === 'win32' ? 'node.exe' : 'node',
      );
      const { stdout } = await execFileAsync(path, ['--version']);
      return { version: stdout.trim().slice(1), path };
    }),
  );
}
