import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { exec } from '../../../../test/support/exec.js';

const ROOT = resolve(import.meta.dirname, '../../../..');
/** Unpacks the browser and says where. */
const UNPACK =
  "import chromium from '@sparticuz/chromium'; process.stdout.write(await chromium.executablePath());";

/**
 * A headless Chromium: that of CHROMIUM_PATH, else the one that comes with the development dependencies.
 * @param env its whole environment, in place of this process's
 */
export async function launchChromium(env?: Readonly<Record<string, string>>): Promise<Browser> {
  return chromium.launch({
    ...(env !== undefined && { env }),
    executablePath: process.env['CHROMIUM_PATH'] || (await unpackedChromium()),
    args: [
      // Chromium refuses to run as root with its sandbox.
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
      '--disable-quic',
    ],
  });
}

/** Several test files may come here at once: each unpacks into a folder of its own, and the first one's is kept. */
async function unpackedChromium(): Promise<string> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(
      'The browser that comes with the development dependencies is for Linux on x64. ' +
        'Set CHROMIUM_PATH to a Chromium or Chrome of this machine.',
    );
  }
  const manifest = await readFile(join(ROOT, 'node_modules/@sparticuz/chromium/package.json'), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  const place = join(tmpdir(), `nestjs-rtc-messaging-chromium-${version}`);
  const executable = join(place, 'chromium');
  if (existsSync(executable)) return executable;
  const folder = await mkdtemp(`${place}-`);
  await exec('node', ['--input-type=module', '-e', UNPACK], { cwd: ROOT, env: { TMPDIR: folder } });
  try {
    await rename(folder, place);
  } catch (error) {
    if (!existsSync(executable)) throw error;
    await rm(folder, { recursive: true });
  }
  return executable;
}
