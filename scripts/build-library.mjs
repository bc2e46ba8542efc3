import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { writeLuaModules } from './lua-module.mjs';
import { runTool } from './run.mjs';

const MODULES = fileURLToPath(new URL('../build/', import.meta.url));

const MAIN = 'index.js';
const FOR_BROWSERS = 'receiver/index.js';
const EMULATOR = 'emulator/index.js';
/** These send nothing, so they need neither Axios nor what checks requests and settings. */
const WITHOUT_CLIENT = ['callbacks/index.js', 'receipts/index.js', 'redis/index.js'];
/** What is in the first imports nothing of those after it. */
const SHARED_FILES = ['common', 'base', 'library'];
const IMPORT_SHARED = SHARED_FILES.map((file) => `import "./shared/${file}.js";\n`).join('');
/** What the bundler makes of `await import(…)` for CommonJS. */
const REQUIRE_IN_CALLBACK =
  /Promise\.resolve\(\)\.then\(\(\) => ([\w.]+\((?:require\("[^"]+"\), 1|"[^"]+")\))\)/g;
/** What the bundler makes of an export that is assigned twice, as decorated classes are. Neither is later. */
const FIXED_EXPORT =
  /Object\.defineProperty\(exports, "(\w+)", \{\s+enumerable: true,\s+get: function\(\) \{\s+return ([\w.]+);\s+\}\s+\}\);/g;
/** The compiler's helpers for decorators: once in a file, not once for each module in it. */
const HELPERS = /(^|\/)tslib($|\/)/;

/**
 * Builds `dist/esm` and `dist/cjs`, each with its own types. Comments stand in the types, for editors. `build` keeps a
 * module for each of `lib/`, for benchmarks and tests of one part.
 */
export async function buildLibrary() {
  await rm('dist', { recursive: true, force: true });
  await rm(MODULES, { recursive: true, force: true });
  await runTool('typescript/bin/tsc', ['-p', 'tsconfig.build.json']);
  await writeLuaModules(MODULES);
  const { bin, exports } = JSON.parse(await readFile('package.json', 'utf8'));
  const entries = pathsOf(Object.values(exports).map(({ import: entry }) => entry));
  // A command needs no CommonJS.
  await joinModules('esm', [...entries, ...pathsOf(Object.values(bin))]);
  await joinModules('cjs', entries);
  await cp('dist/esm', 'dist/cjs', { recursive: true, filter: isType });
  await writeFile('dist/cjs/package.json', '{ "type": "commonjs" }\n');
}

function pathsOf(files) {
  return files.filter((path) => path !== undefined).map((path) => path.replace(/^(\.\/)?dist\/esm\//, ''));
}

function isType(path) {
  return !path.includes('command') && !path.endsWith('.js');
}

/**
 * Joins what the compiler made to one file for each entry, one for what most of them share, one for what those share
 * that send nothing, and one for what the emulator shares with them, which needs no Nest. Node takes 0.1 to 0.4 ms to
 * find, read and link a module, whatever is in it, which made two thirds of the time of an import.
 */
async function joinModules(format, entries) {
  // Not above, where it would be looked for before it is installed.
  const { rolldown } = await import('rolldown');
  const join = async (paths, platform) => {
    const bundle = await rolldown({
      input: Object.fromEntries(paths.map((path) => [path, MODULES + path])),
      // The app's packages, and its copies of them.
      external: (id) => !id.startsWith('.') && !id.startsWith(MODULES) && !HELPERS.test(id),
      platform,
      plugins: [
        { name: 'finish', generateBundle: (_options, files) => finish(format, Object.values(files)) },
      ],
      onLog: (_level, { message }) => {
        throw new Error(message);
      },
    });
    const { output } = await bundle.write({
      format,
      dir: `dist/${format}`,
      entryFileNames: '[name]',
      chunkFileNames: 'shared/[name].js',
      minifyInternalExports: false,
      esModule: true,
      dynamicImportInCjs: false,
      // Modules are strict code. The compiler doesn't write so in an ES module.
      strict: true,
      comments: false,
      ...(platform === 'node' && {
        // A group takes what its modules import, too, but for what is in one before it.
        codeSplitting: {
          groups: SHARED_FILES.map((file, index) => ({
            debugName: file,
            name: (id, context) => (sharedFileOf(id, context) === file ? file : null),
            priority: SHARED_FILES.length - index,
          })),
        },
      }),
    });
    // The bundler renames the second of two in one file. Errors and Nest's messages name classes.
    const renamed = output.flatMap(({ code = '' }) => code.match(/class \w+\$\d+|\w+\$\d+ = class/g) ?? []);
    if (renamed.length > 0) throw new Error(`Give each class a name of its own: ${renamed}`);
  };
  await join(
    entries.filter((path) => path !== FOR_BROWSERS),
    'node',
  );
  // By itself, so that it shares no file with what needs Node.
  await join([FOR_BROWSERS], 'browser');
}

/** What differs from what the bundler makes. */
function finish(format, files) {
  for (const file of files) {
    // One such character makes Node decode a file slowly and keep it as two bytes a character.
    file.code = file.code.replaceAll(/[^\0-\x7f]/g, escapeCharacter);
    if (format === 'esm') {
      // All files that the main entry needs are read at once, and not one after the other.
      if (file.fileName === MAIN) file.code = IMPORT_SHARED + file.code;
    } else {
      // Bundlers let a package be missing only if it is required in the `try` itself.
      file.code = file.code.replaceAll(REQUIRE_IN_CALLBACK, '$1');
      // `jest.spyOn()` and its like must be able to replace what an entry exports.
      if (file.isEntry) file.code = file.code.replaceAll(FIXED_EXPORT, 'exports.$1 = $2;');
    }
  }
}

function escapeCharacter(unit) {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** The file in which a module of the main entry is. All that it imports is in the same file or in one before it. */
function sharedFileOf(id, context) {
  if (!isPartOf(MAIN, id, context)) return null;
  if (isPartOf(EMULATOR, id, context)) return 'common';
  return WITHOUT_CLIENT.some((entry) => isPartOf(entry, id, context)) ? 'base' : 'library';
}

/** Whether an entry imports a module, itself or by others, before it does anything. */
function isPartOf(entry, id, context) {
  const imported = new Set([MODULES + entry]);
  for (const one of imported)
    for (const next of context.getModuleInfo(one)?.importedIds ?? []) imported.add(next);
  return imported.has(id);
}
