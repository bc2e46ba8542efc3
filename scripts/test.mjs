import { ensureInstalled } from './ensure-installed.mjs';

await ensureInstalled();
const { runJest, runTool } = await import('./run.mjs');
const { buildLibrary } = await import('./build-library.mjs');
const { findServer } = await import('./redis/find-server.mjs');

// Before the suites, which run side by side and within time limits of their own.
if (!process.env.REDIS_URL) await findServer();

async function check() {
  await runTool('oxlint/bin/oxlint', ['--deny-warnings']);
  await runTool('prettier/bin/prettier.cjs', ['--check', '.']);
  await runTool('typescript/bin/tsc', ['--noEmit']);
  // What runs in a browser is checked with the browser's types, which the rest must do without.
  await runTool('typescript/bin/tsc', ['-p', 'sample/02-console/src/console/page']);
  await runTool('typescript/bin/tsc', ['-p', 'sample/02-console/test/browser']);
}
async function build() {
  await buildLibrary();
  await runTool('@nestjs/cli/bin/nest.js', ['build']);
}
// Beside one another, since each takes one core. Both are waited for, so that none goes on when this has ended.
const ends = await Promise.allSettled([check(), build()]);
for (const { reason } of ends) if (reason !== undefined) throw reason;

await runJest(process.argv.slice(2));
