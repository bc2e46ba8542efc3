import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const EMULATOR = fileURLToPath(new URL('../../dist/esm/command/rtc-emulator.js', import.meta.url));

/** Starts the emulator in a process of its own; it says where it is in the form of a .env file. */
export async function startEmulator() {
  // Simulated users of a fan-out are in no room, and are meant to be.
  const emulator = spawn(
    process.execPath,
    ['--disable-warning=RtcEmulatorWarning', EMULATOR, '--port', '0'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const stop = async () => {
    if (emulator.exitCode !== null || emulator.signalCode !== null) return;
    emulator.kill();
    await once(emulator, 'exit');
  };
  return { settings: await readSettings(emulator), stop };
}

/** Asks its control API. */
export async function ask({ RTC_ENDPOINT }, what) {
  const response = await fetch(`${RTC_ENDPOINT}/__emulator/${what}`);
  return response.json();
}

async function readSettings(emulator) {
  const settings = {};
  for await (const line of createInterface(emulator.stdout)) {
    const [, name, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (name !== undefined) settings[name] = value;
    if (line.startsWith('# What was received')) return settings;
  }
  throw new Error('The emulator did not start');
}
