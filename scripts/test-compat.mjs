import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureInstalled } from './ensure-installed.mjs';

const HELP = `Usage: npm run test:compat -- [options]

Packs the library and runs apps with it: Nest 11 and 12, ES modules and CommonJS, Express and Fastify, Jest and
Vitest, each on every Node. Prints what works as a matrix, and fails when anything that can work does not.

  --nodes <list>  versions, separated by commas. Default: 20,22,24
`;

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '20,22,24' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) console.log(HELP);
else await test(values.nodes.split(','));

async function test(versions) {
  for (const version of versions) {
    if (!/^\d+(\.\d+){0,2}$/.test(version)) throw new Error('--nodes must be versions such as 22 or 22.12.0');
  }
  await ensureInstalled();
  const { buildLibrary } = await import('./build-library.mjs');
  const { installNodes } = await import('./compat/node-binaries.mjs');
  const { runTool } = await import('./run.mjs');
  await buildLibrary();
  const folder = await mkdtemp(join(tmpdir(), 'rtc-nodes-'));
  try {
    const nodes = await installNodes(folder, versions);
    await runTool(
      'jest/bin/jest.js',
      [
        '--runTestsByPath',
        'test/package/nest11.spec.ts',
        'test/package/nest12.spec.ts',
        '--reporters=<rootDir>/scripts/compat/matrix-reporter.mjs',
      ],
      {
        env: {
          NODE_OPTIONS: '--experimental-vm-modules --disable-warning=ExperimentalWarning',
          COMPAT_NODES: JSON.stringify(nodes),
        },
      },
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
