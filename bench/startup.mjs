// What it takes to have the library in an app: time and memory of importing it, each round in a new process, and the
// room on disk of what has to be installed.
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { interleave } from './interleave.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const run = promisify(execFile);

/** What is imported, on top of which others. */
const APP = [
  'reflect-metadata',
  '@nestjs/common',
  '@nestjs/core',
  '@nestjs/platform-express',
  '@nestjs/config',
];
const APP_WITH_HTTP = [...APP, 'axios', 'class-validator', 'class-transformer'];
export const IMPORTS = {
  'nestjs-rtc-messaging': { on: APP_WITH_HTTP, what: 'nestjs-rtc-messaging' },
  'nestjs-rtc-messaging, where Axios and class-validator are not loaded yet': {
    on: APP,
    what: 'nestjs-rtc-messaging',
  },
  'nestjs-rtc-messaging, by require()': { on: APP_WITH_HTTP, what: 'nestjs-rtc-messaging', commonJs: true },
  axios: { on: APP, what: 'axios' },
  '@volcengine/sdk-core': { on: APP_WITH_HTTP, what: '@volcengine/sdk-core' },
  '@volcengine/openapi': { on: APP_WITH_HTTP, what: '@volcengine/openapi' },
};

/** @returns by what is imported: milliseconds, and bytes of memory that stay in use */
export function measureImports({ rounds }) {
  return interleave(Object.keys(IMPORTS), rounds, async (name) => {
    const args = ['--no-warnings', 'bench/import-process.mjs', JSON.stringify(IMPORTS[name])];
    const time = await run(process.execPath, args, { cwd: ROOT });
    const memory = await run(process.execPath, ['--expose-gc', ...args], { cwd: ROOT });
    return { ...JSON.parse(time.stdout), ...JSON.parse(memory.stdout) };
  });
}

/** What is installed with the library beside Nest itself. */
const BESIDE = ['@nestjs/config', 'class-validator', 'class-transformer'];

/** @returns by package: bytes of its own files, of everything that comes with it, and how many packages those are */
export function measureInstalledSize() {
  const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const library = {
    name: 'nestjs-rtc-messaging',
    own: sizeOf(join(ROOT, 'dist')) + sizeOf(join(ROOT, 'docs')),
    dependencies,
  };
  // Peers that many Nest apps have anyway, and others install for it.
  const complete = {
    ...library,
    name: `nestjs-rtc-messaging, with ${BESIDE.join(', ')}`,
    dependencies: {
      ...dependencies,
      ...Object.fromEntries(BESIDE.map((name) => [name, peerDependencies[name]])),
    },
  };
  const vendors = ['@volcengine/sdk-core', '@volcengine/openapi'].map((name) => {
    const { path, dependencies } = findPackage(name, ROOT);
    return { name, own: sizeOf(path), dependencies, path };
  });
  return new Map(
    [library, complete, ...vendors].map(({ name, own, dependencies = {}, path = ROOT }) => {
      const found = new Map();
      collect(dependencies, path, found);
      return [
        name,
        { own, all: own + [...found.values()].reduce((sum, size) => sum + size, 0), packages: found.size },
      ];
    }),
  );
}

function collect(dependencies, from, found) {
  for (const name of Object.keys(dependencies)) {
    const { path, dependencies: further = {} } = findPackage(name, from);
    if (found.has(path)) continue;
    found.set(path, sizeOf(path));
    collect(further, path, found);
  }
}

/** By its folder, since not every package exports its manifest. */
function findPackage(name, from) {
  for (const folder of createRequire(join(from, 'package.json')).resolve.paths(name) ?? []) {
    const manifest = join(folder, name, 'package.json');
    if (statSync(manifest, { throwIfNoEntry: false }) === undefined) continue;
    return { path: dirname(manifest), ...JSON.parse(readFileSync(manifest, 'utf8')) };
  }
  throw new Error(`${name} is not installed`);
}

/** Of what is nested in it, each package counts for itself. */
function sizeOf(path) {
  return readdirSync(path, { withFileTypes: true })
    .filter(({ name }) => name !== 'node_modules')
    .reduce((sum, entry) => {
      const inner = join(path, entry.name);
      return sum + (entry.isDirectory() ? sizeOf(inner) : statSync(inner).size);
    }, 0);
}
