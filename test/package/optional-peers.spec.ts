import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { exec } from '../support/exec.js';

const ROOT = resolve(import.meta.dirname, '../..');

interface Manifest {
  readonly peerDependenciesMeta: Record<string, { optional: boolean }>;
}

const optionalPeers = async (): Promise<string[]> => {
  const manifest = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as Manifest;
  return Object.keys(manifest.peerDependenciesMeta);
};

/** What a TypeScript program that imports the file has to read, and what that imports by name. */
async function readTypes(file: string, seen = new Map<string, string[]>()): Promise<Map<string, string[]>> {
  if (seen.has(file)) return seen;
  const text = await readFile(file, 'utf8');
  const specifiers = Array.from(
    text.matchAll(/(?:from\s+|import\s*\(?\s*)["']([^"']+)["']/g),
    ([, name = '']) => name,
  );
  seen.set(
    file,
    specifiers.filter((name) => !name.startsWith('.')),
  );
  for (const name of specifiers.filter((name) => name.startsWith('.'))) {
    await readTypes(resolve(dirname(file), name.replace(/\.js$/, '.d.ts')), seen);
  }
  return seen;
}

/** Sends a message and shows the spans that were made of it, if the SDK is there. */
const program = (module: 'esm' | 'cjs', options: object): string => {
  const load = (name: string) => (module === 'esm' ? `await import('${name}')` : `require('${name}')`);
  // Errors are logged on stderr: whatever is said shows.
  return `process.stderr.write = process.stdout.write.bind(process.stdout);
  (async () => {
    ${load('reflect-metadata')};
    const { NestFactory } = ${load('@nestjs/core')};
    const { RoomUnicastService, RtcMessagingModule } = ${load('nestjs-rtc-messaging')};
    let exporter;
    if (process.env.WITH_SDK) {
      const { trace } = ${load('@opentelemetry/api')};
      const sdk = ${load('@opentelemetry/sdk-trace-base')};
      exporter = new sdk.InMemorySpanExporter();
      trace.setGlobalTracerProvider(
        new sdk.BasicTracerProvider({ spanProcessors: [new sdk.SimpleSpanProcessor(exporter)] }),
      );
    }
    const app = await NestFactory.createApplicationContext(
      RtcMessagingModule.forRoot(${JSON.stringify(options)}),
      { logger: ['error', 'warn'] },
    );
    const { outcome } = await app.get(RoomUnicastService).batchSend({ roomId: 'r', to: ['u'], message: 'm' });
    await app.close();
    console.log(JSON.stringify({ outcome, spans: exporter?.getFinishedSpans().map(({ name }) => name) }));
  })();`;
};

describe('packages that need not be installed', () => {
  let emulator: RtcEmulator;
  let bare: string;
  beforeAll(async () => {
    emulator = await RtcEmulator.start();
    bare = await mkdtemp(join(tmpdir(), 'rtc-bare-'));
    await installWithout(await optionalPeers(), bare);
  });
  afterAll(async () => {
    await emulator.close();
    await rm(bare, { recursive: true, force: true });
  });
  const run = async (
    module: 'esm' | 'cjs',
    cwd: string,
    env: Record<string, string> = {},
  ): Promise<unknown> => {
    const args = [`--input-type=${module === 'esm' ? 'module' : 'commonjs'}`, '-e'];
    return JSON.parse(await exec('node', [...args, program(module, emulator.moduleOptions())], { cwd, env }));
  };

  it.each(['esm', 'cjs'])("are not in the %s build's public types", async (format) => {
    const peers = await optionalPeers();
    expect(peers).toContain('@opentelemetry/api');
    for (const entry of ['index.d.ts', 'emulator/index.d.ts']) {
      const types = await readTypes(join(ROOT, 'dist', format, entry));
      expect(types.size).toBeGreaterThan(10);
      const named = [...types].flatMap(([file, names]) =>
        names
          .filter((name) => peers.some((peer) => name === peer || name.startsWith(`${peer}/`)))
          .map(() => file),
      );
      expect(named).toEqual([]);
    }
  });

  it.each(['esm', 'cjs'] as const)(
    'are not missed by the %s build, and nothing is said of it',
    async (module) => {
      expect(await run(module, bare)).toEqual({ outcome: 'accepted' });
    },
  );

  it.each(['esm', 'cjs'] as const)(
    'make spans with the %s build where they are installed',
    async (module) => {
      expect(await run(module, ROOT, { WITH_SDK: '1' })).toEqual({
        outcome: 'accepted',
        spans: ['BatchSendRoomUnicast attempt', 'BatchSendRoomUnicast'],
      });
    },
  );
});

/** The built package in a folder from which everything that is installed here can be found, but for some. */
async function installWithout(left: readonly string[], folder: string): Promise<void> {
  const installed = join(ROOT, 'node_modules');
  const target = join(folder, 'node_modules');
  const own = join(target, 'nestjs-rtc-messaging');
  await mkdir(own, { recursive: true });
  await cp(join(ROOT, 'dist'), join(own, 'dist'), { recursive: true });
  await cp(join(ROOT, 'package.json'), join(own, 'package.json'));
  for (const name of await readdir(installed)) {
    if (name.startsWith('.') || name === 'nestjs-rtc-messaging') continue;
    if (!name.startsWith('@')) await symlink(join(installed, name), join(target, name));
    else {
      await mkdir(join(target, name));
      for (const scoped of await readdir(join(installed, name))) {
        await symlink(join(installed, name, scoped), join(target, name, scoped));
      }
    }
  }
  for (const name of left) await rm(join(target, name), { force: true });
}
