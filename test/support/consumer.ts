import { copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { exec } from './exec.js';

const ROOT = resolve(import.meta.dirname, '../..');

/** An app elsewhere that installs the packed library. */
export interface ConsumerPlan {
  readonly type: 'module' | 'commonjs';
  /** What it installs beside the library, by version. */
  readonly dependencies: Record<string, string>;
  readonly compilerOptions: Record<string, unknown>;
  readonly jest: Record<string, unknown>;
}

export interface Consumer {
  run(command: string, args: readonly string[], env?: Record<string, string>): Promise<string>;
  remove(): Promise<void>;
}

/** Packs the library as it is built, and installs it into an empty app of the given kind. */
export async function createConsumer({
  type,
  dependencies,
  compilerOptions,
  jest,
}: ConsumerPlan): Promise<Consumer> {
  const folder = await mkdtemp(join(tmpdir(), 'rtc-consumer-'));
  const [{ filename }] = JSON.parse(
    await exec('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], { cwd: ROOT }),
  ) as [{ filename: string }];

  await mkdir(join(folder, 'src'));
  const sources = resolve(ROOT, 'test/package/consumer');
  for (const name of await readdir(sources)) await copyFile(join(sources, name), join(folder, 'src', name));
  const writeJson = (name: string, value: unknown) =>
    writeFile(join(folder, name), JSON.stringify(value, null, 2));
  await writeJson('package.json', {
    private: true,
    type,
    dependencies: { 'nestjs-rtc-messaging': `file:${filename}`, ...dependencies },
  });
  await writeJson('jest.config.json', {
    rootDir: 'src',
    testEnvironment: 'node',
    moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
    ...jest,
  });
  await writeJson('tsconfig.json', {
    compilerOptions: {
      target: 'ES2022',
      strict: true,
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
      types: ['node'],
      rootDir: 'src',
      outDir: 'dist',
      ...compilerOptions,
    },
    include: ['src'],
  });
  await exec('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'], {
    cwd: folder,
  });
  return {
    run: (command, args, env) => exec(command, args, { cwd: folder, ...(env !== undefined && { env }) }),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
