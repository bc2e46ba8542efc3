import { ensureInstalled } from './ensure-installed.mjs';

/**
 * Builds the library and measures it.
 * @param file of `bench/`; it is handed the options as JSON
 */
export async function runBenchmark(file, options) {
  await ensureInstalled();
  const { run } = await import('./run.mjs');
  const { buildLibrary } = await import('./build-library.mjs');
  await buildLibrary();
  await run(process.execPath, ['--expose-gc', `bench/${file}`, JSON.stringify(options)]);
}
