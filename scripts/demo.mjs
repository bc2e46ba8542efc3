import { ensureInstalled } from './ensure-installed.mjs';

await ensureInstalled();
const { buildLibrary } = await import('./build-library.mjs');
const { runTool } = await import('./run.mjs');
await buildLibrary();
await runTool('@nestjs/cli/bin/nest.js', ['build']);

const { runDemo } = await import('./demo/run-demo.mjs');
process.exitCode = (await runDemo({ once: process.argv.includes('--once') })) ? 0 : 1;
