import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureInstalled } from './ensure-installed.mjs';
import { list, readOptions } from './read-options.mjs';

const HELP = `Usage: npm run test:compat -- [options]

Packs the library and runs apps with it: Nest 11 and 12, ES modules and CommonJS, Express and Fastify, Jest and
Vitest, each on every Node, and stock apps of the Nest CLI with the README's files in them. Prints what works as a
matrix, and fails when anything that can work does not.

  --nodes <list>  versions, separated by commas. Default: 20,22,24
`;

const { nodes: versions } = readOptions(HELP, {
  nodes: list(/^\d+(\.\d+){0,2}$/, 'must be versions such as 22 or 22.12.0, separated by commas', [
    '20',
    '22',
    '24',
  ]),
});
await ensureInstalled();
const { buildLibrary } = await import('./build-library.mjs');
const { installNodes } = await import('./compat/node-binaries.mjs');
const { runJest } = await import('./run.mjs');
await buildLibrary();
const folder = await mkdtemp(join(tmpdir(), 'rtc-nodes-'));
try {
  await runJest(
    [
      '--runTestsByPath',
      'test/package/nest11.spec.ts',
      'test/package/nest12.spec.ts',
      'test/package/stock-apps.spec.ts',
      '--reporters=<rootDir>/scripts/compat/matrix-reporter.mjs',
    ],
    { COMPAT_NODES: JSON.stringify(await installNodes(folder, versions)) },
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}
