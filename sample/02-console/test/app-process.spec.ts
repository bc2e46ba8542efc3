import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { spawnSample, urlOf } from './app-process.js';
import { postJson } from '../../../test/support/test-app.js';

const SAMPLE = resolve(import.meta.dirname, '..');

let emulator: RtcEmulator;
let folder: string;
let child: ChildProcess;

/** As `npm start` does, in a folder whose `.env` is a copy of the example. */
beforeEach(async () => {
  emulator = await RtcEmulator.start();
  folder = await mkdtemp(join(tmpdir(), 'rtc-sample-'));
  const example = await readFile(join(SAMPLE, '.env.example'), 'utf8');
  const dotenv = example
    .replace(/^RTC_ENDPOINT=.*$/m, `RTC_ENDPOINT=${emulator.url}`)
    .replace(/^PORT=.*$/m, 'PORT=0');
  await writeFile(join(folder, '.env'), dotenv);
  child = spawnSample(folder);
});
afterEach(async () => {
  child.kill('SIGKILL');
  await rm(folder, { recursive: true });
  await emulator.close();
});

it('the sample runs with a copy of .env.example, accepts the largest message, and ends on a signal', async () => {
  const url = await urlOf(child);
  const last = emulator.room('room-1').join('u'.repeat(125) + 599);
  const to = Array.from({ length: 600 }, (_, index) => 'u'.repeat(125) + String(index).padStart(3, '0'));
  const body = { to, message: Buffer.alloc(20_480, 7).toString('base64'), binary: true };
  const key = { 'x-api-key': 'change-me' };

  const accepted = await postJson(`${url}/rtc/rooms/room-1/unicast`, body, key);
  const tooLarge = await postJson(
    `${url}/rtc/rooms/room-1/unicast`,
    { ...body, message: 'x'.repeat(600_000) },
    key,
  );
  expect(accepted.body).toMatchObject({ outcome: 'accepted', recipients: 600 });
  expect(last.received).toHaveLength(1);
  expect([tooLarge.status, tooLarge.body]).toMatchObject([
    413,
    { message: expect.stringMatching(/too large/) },
  ]);

  child.kill('SIGTERM');
  // Nest ends itself with the signal once the app is closed.
  expect(await once(child, 'exit')).toEqual([null, 'SIGTERM']);
});
