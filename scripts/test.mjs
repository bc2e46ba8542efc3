import { ensureInstalled } from './ensure-installed.mjs';

await ensureInstalled();
const { runJest, runTool } = await import('./run.mjs');
const { buildLibrary } = await import('./build-library.mjs');
const { findServer } = await import('./redis/find-server.mjs');

// Before the suites, which run side by side and within time limits of their own.
if (!process.env.REDIS_URL) await findServer();

await runTool('oxlint/bin/oxlint', ['--deny-warnings']);
await runTool('prettier/bin/prettier.cjs', ['--check', '.']);
await runTool('typescript/bin/tsc', ['--noEmit']);
// What runs in a browser is checked with the browser's types, which the rest must do without.
await runTool('typescript/bin/tsc', ['-p', 'sample/console/page']);
await runTool('typescript/bin/tsc', ['-p', 'test/browser']);
await buildLibrary();
await runTool('@nestjs/cli/bin/nest.js', ['build']);
await runJest(process.argv.slice(2));
