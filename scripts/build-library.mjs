import { rm, writeFile } from 'node:fs/promises';
import { runTool } from './run.mjs';

/** Builds `dist/esm` and `dist/cjs`, each with its own types. */
export async function buildLibrary() {
  await rm('dist', { recursive: true, force: true });
  await runTool('typescript/bin/tsc', ['-p', 'tsconfig.build.json']);
  await runTool('typescript/bin/tsc', ['-p', 'tsconfig.build.cjs.json']);
  await writeFile('dist/cjs/package.json', '{ "type": "commonjs" }\n');
}
