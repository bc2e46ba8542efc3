import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { writeLuaModules } from './lua-module.mjs';
import { runTool } from './run.mjs';

const MODULES = fileURLToPath(new URL('../dist/modules/', import.meta.url));
const COMMON_JS = fileURLToPath(new URL('../dist/cjs/', import.meta.url));

const MAIN = 'index.js';
const EMULATOR = 'emulator/index.js';
const FOR_BROWSERS = 'receiver/index.js';
/** The compiler's helpers for decorators: once in a file, not once for each module in it. */
const HELPERS = /(^|\/)tslib($|\/)/;

/** Builds `dist/esm` and `dist/cjs`, each with its own types. Comments stand in the types, for editors. */
export async function buildLibrary() {
  await rm('dist', { recursive: true, force: true });
  await runTool('typescript/bin/tsc', ['-p', 'tsconfig.build.json']);
  await writeLuaModules('dist/modules', { esm: true });
  await joinModules();
  await rm(MODULES, { recursive: true });
  // The same sources, whose types have been checked.
  await runTool('typescript/bin/tsc', ['-p', 'tsconfig.build.cjs.json']);
  await copyTypes();
  await writeLuaModules('dist/cjs', { esm: false });
  await writeFile('dist/cjs/package.json', '{ "type": "commonjs" }\n');
  await requireInPlace();
}

/** Those of the commands are not needed there: they have no CommonJS. */
async function copyTypes() {
  await cp('dist/esm', 'dist/cjs', { recursive: true, filter: isType });
}

function isType(path) {
  return !path.includes('command') && !path.endsWith('.js');
}

/**
 * Of `await import('…')` the compiler makes a `require` in a promise's callback. Bundlers let a package be missing only
 * if it is required in the `try` itself.
 */
async function requireInPlace() {
  for (const name of await readdir(COMMON_JS, { recursive: true })) {
    if (!name.endsWith('.js')) continue;
    const code = await readFile(COMMON_JS + name, 'utf8');
    const inPlace = code.replaceAll(
      /Promise\.resolve\(\)\.then\(\(\) => (__importStar\(require\('[^']+'\)\))\)/g,
      '$1',
    );
    if (inPlace !== code) await writeFile(COMMON_JS + name, inPlace);
  }
}

/**
 * Joins what the compiler made to one file for each entry, one for what most of them share, and one for what the
 * emulator shares with them, which needs no Nest. Node takes 0.2 to 0.4 ms to find, read and link an ES module, whatever
 * is in it, which made two thirds of the time of an import; a CommonJS module takes half as long.
 */
async function joinModules() {
  // Not above, where it would be looked for before it is installed.
  const { rolldown } = await import('rolldown');
  const { bin, exports } = JSON.parse(await readFile('package.json', 'utf8'));
  const entries = [...Object.values(exports).map(({ import: entry }) => entry), ...Object.values(bin)]
    .filter((path) => path !== undefined)
    .map((path) => path.replace(/^(\.\/)?dist\/esm\//, ''));
  const join = async (paths, platform) => {
    const bundle = await rolldown({
      input: Object.fromEntries(paths.map((path) => [path, MODULES + path])),
      // The app's packages, and its copies of them.
      external: (id) => !id.startsWith('.') && !id.startsWith(MODULES) && !HELPERS.test(id),
      platform,
      plugins: [{ name: 'load-fast', generateBundle: (_options, files) => loadFast(Object.values(files)) }],
      onLog: (_level, { message }) => {
        throw new Error(message);
      },
    });
    const { output } = await bundle.write({
      dir: 'dist/esm',
      entryFileNames: '[name]',
      chunkFileNames: 'shared/[name].js',
      minifyInternalExports: false,
      comments: false,
      ...(platform === 'node' && {
        codeSplitting: { groups: [{ debugName: 'shared', name: sharedFileOf }] },
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

/**
 * Escapes what is not ASCII, since one such character makes Node decode a file slowly and keep it as two bytes a
 * character. The main entry names the second file that it needs, so that both are read at once and not one after the
 * other.
 */
function loadFast(files) {
  for (const file of files) {
    file.code = file.code.replaceAll(/[^\0-\x7f]/g, escapeCharacter);
    if (file.fileName === MAIN) file.code = `import "./shared/common.js";\n${file.code}`;
  }
}

function escapeCharacter(unit) {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** The file in which a module of the main entry is. All that it imports is in the same or in the smaller file. */
function sharedFileOf(id, context) {
  if (!isPartOf(MAIN, id, context)) return null;
  return isPartOf(EMULATOR, id, context) ? 'common' : 'library';
}

/** Whether an entry imports a module, itself or by others, before it does anything. */
function isPartOf(entry, id, context) {
  const imported = new Set([MODULES + entry]);
  for (const one of imported)
    for (const next of context.getModuleInfo(one)?.importedIds ?? []) imported.add(next);
  return imported.has(id);
}
