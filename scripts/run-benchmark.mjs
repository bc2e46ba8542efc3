import { ensureInstalled } from './ensure-installed.mjs';

/**
 * Builds the library and measures it.
 * @param file of `bench/`
 * @param runs options that it is handed as JSON, each time in a process of its own
 */
export async function runBenchmark(file, ...runs) {
  await ensureInstalled();
  const { run } = await import('./run.mjs');
  const { buildLibrary } = await import('./build-library.mjs');
  await buildLibrary();
  let failure;
  for (const options of runs) {
    // What misses a target must not keep the others from being measured.
    await run(process.execPath, ['--expose-gc', `bench/${file}`, JSON.stringify(options)]).catch((error) => {
      failure ??= error;
    });
  }
  if (failure !== undefined) throw failure;
}
