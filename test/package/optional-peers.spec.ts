import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { exec } from '../support/exec.js';
import { installWithout } from '../support/install-without.js';

const ROOT = resolve(import.meta.dirname, '../..');

interface Manifest {
  readonly peerDependenciesMeta: Record<string, { optional: boolean }>;
}

const optionalPeers = async (): Promise<string[]> => {
  const manifest = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as Manifest;
  return Object.keys(manifest.peerDependenciesMeta);
};

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

describe('optional peers', () => {
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

  it.each(['esm', 'cjs'] as const)('can be missing for the %s build, without a warning', async (module) => {
    expect(await run(module, bare)).toEqual({ outcome: 'accepted' });
  });

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
