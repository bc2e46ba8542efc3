import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { exec } from './exec.js';
import { compileApps } from './compile-apps.js';
import { nameOf, snippetsIn } from './markdown.js';
import { STRICTEST } from './strictest.js';
import { TEST_GLOBALS } from './test-globals.js';

const ROOT = resolve(import.meta.dirname, '../..');
const SOURCES = resolve(ROOT, 'test/package/consumer');
/** The source of an app that has the packages which are optional; the others are without. */
const DOCUMENTED = 'documented.ts';

/** An app of one module system. */
export interface AppPlan {
  readonly type: 'module' | 'commonjs';
  readonly compilerOptions: Record<string, unknown>;
  /** Each way in which the app's tests are run with Jest, by name. */
  readonly jest: Readonly<Record<string, JestPlan>>;
  /** The same with Vitest. */
  readonly vitest: Readonly<Record<string, VitestPlan>>;
}

export interface JestPlan {
  /** Whether Jest needs Node's modules in contexts of its own, behind a flag. */
  readonly vmModules: boolean;
  readonly config: Record<string, unknown>;
}

/** Jest as an app of ES modules has it. */
export const JEST_OF_ES_MODULES: JestPlan = {
  vmModules: true,
  config: {
    extensionsToTreatAsEsm: ['.ts'],
    transform: { '\\.ts$': ['ts-jest', { useESM: true }] },
  },
};

export interface VitestPlan {
  /** The folder of the app that the spec is in. */
  readonly folder: string;
  /** What is installed in that folder, in place of what all apps share. */
  readonly dependencies?: Record<string, string>;
  /** Which of the tests are run. All, by default. */
  readonly pattern?: string;
}

/** Apps elsewhere that share one installation, with the packed library in it. */
export interface ConsumerPlan {
  /** What is installed beside the library, by version. */
  readonly dependencies: Record<string, string>;
  /** By the folder's name. */
  readonly apps: Readonly<Record<string, AppPlan>>;
}

/** Whether apps have the packages that are optional, for documentation and health. */
export function isDocumented({ dependencies }: ConsumerPlan): boolean {
  return '@nestjs/swagger' in dependencies && '@nestjs/terminus' in dependencies;
}

export interface Consumer {
  /** What the compiler says of an app. All are compiled at the first call, in one process. */
  compile(app: string): Promise<string[]>;
  /** Runs a command in an app's folder. */
  run(app: string, command: string, args: readonly string[]): Promise<string>;
  /** The path of a file of the installation, such as a tool's. */
  installed(path: string): string;
  remove(): Promise<void>;
}

/** Packs the library as it is built, installs it into an empty folder, and writes the apps into folders below. */
export async function createConsumer(plan: ConsumerPlan): Promise<Consumer> {
  const { dependencies, apps } = plan;
  const folder = await mkdtemp(join(tmpdir(), 'rtc-consumer-'));
  await writeJson(join(folder, 'package.json'), {
    private: true,
    dependencies: { 'nestjs-rtc-messaging': await packInto(folder), ...dependencies },
  });
  await install(folder);
  const all = await readdir(SOURCES);
  const sources = isDocumented(plan) ? all : all.filter((source) => source !== DOCUMENTED);
  for (const [name, app] of Object.entries(apps)) await writeApp(join(folder, name), app, sources);
  let compiling: Promise<Map<string, string[]>> | undefined;
  return {
    compile: async (app) => {
      compiling ??= compileApps(folder, Object.keys(apps), join(folder, 'node_modules/typescript/bin/tsc'));
      return (await compiling).get(app) ?? [];
    },
    run: (app, command, args) => exec(command, args, { cwd: join(folder, app) }),
    installed: (path) => join(folder, 'node_modules', path),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Packs the library as it is built. Returns the version that an app in the folder depends on. */
export async function packInto(folder: string): Promise<string> {
  const [{ filename }] = JSON.parse(
    await exec('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], { cwd: ROOT }),
  ) as [{ filename: string }];
  return `file:${filename}`;
}

async function writeApp(
  folder: string,
  { type, compilerOptions, jest, vitest }: AppPlan,
  sources: readonly string[],
): Promise<void> {
  await mkdir(join(folder, 'src'), { recursive: true });
  for (const name of sources) await copyFile(join(SOURCES, name), join(folder, 'src', name));
  const documented = await documentedSpecs();
  for (const { name, text } of documented) await writeFile(join(folder, 'src', name), text);
  await writeFile(join(folder, 'src/globals.d.ts'), TEST_GLOBALS);
  await writeJson(join(folder, 'package.json'), { private: true, type });
  await writeJson(join(folder, 'tsconfig.json'), {
    compilerOptions: {
      target: 'ES2022',
      ...STRICTEST,
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
      // The specs are type-checked with the rest, and not by ts-jest once more.
      isolatedModules: true,
      types: ['node'],
      rootDir: 'src',
      outDir: 'dist',
      ...compilerOptions,
    },
    include: ['src'],
  });
  for (const [name, { config }] of Object.entries(jest)) {
    await writeJson(join(folder, `${name}.json`), {
      rootDir: 'src',
      testEnvironment: 'node',
      moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
      ...config,
    });
  }
  const specs = new Map(Object.values(vitest).map((plan) => [plan.folder, plan]));
  for (const [name, plan] of specs) await writeVitestSpec(join(folder, name), plan, documented);
}

/** The same spec for Vitest, in a folder that Jest doesn't look into. */
async function writeVitestSpec(
  folder: string,
  { dependencies }: VitestPlan,
  documented: readonly Source[],
): Promise<void> {
  const spec = await readFile(join(SOURCES, 'app.spec.ts'), 'utf8');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'app.spec.ts'), forVitest(spec).replace("'./app.js'", "'../src/app.js'"));
  if (dependencies === undefined) {
    // Decorators are compiled by the tsconfig.json that includes them.
    await writeJson(join(folder, 'tsconfig.json'), { extends: '../tsconfig.json', include: ['.'] });
    for (const { name, text } of documented) await writeFile(join(folder, name), forVitest(text));
    return;
  }
  await writeJson(join(folder, 'package.json'), { private: true, type: 'module', dependencies });
  await install(folder);
}

/** As the page on testing says. */
function forVitest(spec: string): string {
  return spec
    .replace("'@jest/globals'", "'vitest'")
    .replace(/\bjest }/, 'type Mocked, vi }')
    .replaceAll('jest.fn', 'vi.fn')
    .replaceAll('jest.Mocked', 'Mocked');
}

interface Source {
  readonly name: string;
  readonly text: string;
}

/** The tests that the README and the page on testing show, for every app to run as they are. */
async function documentedSpecs(): Promise<Source[]> {
  const pages = await Promise.all(
    ['README.md', 'docs/testing.md'].map((name) => readFile(join(ROOT, name), 'utf8')),
  );
  return pages
    .flatMap(snippetsIn)
    .filter(({ language, text }) => language === 'ts' && nameOf(text).endsWith('.spec.ts'))
    .map(({ text }) => ({ name: nameOf(text), text }));
}

export async function install(folder: string): Promise<void> {
  await exec('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'], {
    cwd: folder,
  });
}

function writeJson(path: string, value: unknown): Promise<void> {
  return writeFile(path, JSON.stringify(value, null, 2));
}
