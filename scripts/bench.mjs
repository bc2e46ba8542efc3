import { ensureInstalled } from './ensure-installed.mjs';

await ensureInstalled();
const { run } = await import('./run.mjs');
const { buildLibrary } = await import('./build-library.mjs');

await buildLibrary();
await run(process.execPath, ['bench/benchmarks.mjs', ...process.argv.slice(2)]);
