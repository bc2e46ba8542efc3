import { rm, writeFile } from 'node:fs/promises';
import { ensureInstalled } from './ensure-installed.mjs';
import { runTool } from './run.mjs';

/** Builds `dist/esm` and `dist/cjs`, each with its own types. */
export async function build() {
  await rm('dist', { recursive: true, force: true });
  await runTool('typescript/bin/tsc', ['-p', 'tsconfig.build.json']);
  await runTool('typescript/bin/tsc', ['-p', 'tsconfig.build.cjs.json']);
  await writeFile('dist/cjs/package.json', '{ "type": "commonjs" }\n');
}

if (process.argv[1] === import.meta.filename) {
  await ensureInstalled();
  await build();
}
