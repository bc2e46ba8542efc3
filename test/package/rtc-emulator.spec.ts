import { afterEach, describe, expect, it } from '@jest/globals';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { RoomBroadcastService, UserUnicastService } from 'nestjs-rtc-messaging';
import { listen } from '../support/scripted-server.js';
import { createService } from '../support/service.js';

const FOLDER = resolve(import.meta.dirname, '../../dist/esm/command');

const REFUSALS = [
  [['--quota', '0'], 'quota.requestsPerSecond: must be a whole number'],
  [['--port', 'http'], "option '--port <port>' argument 'http' is invalid. It must be a number."],
  [['--port', '70000'], 'port: must be a port'],
  [['--quota', 'much'], "option '--quota <number>' argument 'much' is invalid"],
  [['--window', 'odd'], 'quota.window: must be sliding or fixed'],
  [['--keep', '0.5'], 'keepBytes: must be a whole number from 1048576'],
  [['--callback-url', 'app:3000'], 'callbacks.url: must be a URL over http: or https:'],
  [['--allow-host', 'emulator:8787'], 'allowedHosts: must be a list of host names'],
  [['--allow-origin', '*'], 'allowedOrigins: must be a list of origins'],
  [['--prot', '1'], "unknown option '--prot'"],
] as const;

/** What is refused, and how, is the same code for both: of one, each refusal is looked at, of the other, one. */
describe.each([
  ['rtc-emulator', [join(FOLDER, 'rtc-emulator.js')], REFUSALS.length],
  ['nestjs-rtc-messaging emulator', [join(FOLDER, 'cli.js'), 'emulator'], 1],
])('the command %s', (name, command, refusals) => {
  let child: ChildProcessWithoutNullStreams;
  const start = (...args: string[]): void => {
    child = spawn(process.execPath, [...command, ...args], { env: { PATH: process.env['PATH'] } });
  };
  afterEach(() => void child.kill('SIGKILL'));

  it('prints an environment with which an app sends to it, and ends on SIGTERM', async () => {
    start(
      '--port',
      '0',
      '--app-id',
      'my-app',
      '--access-key',
      'ak',
      '--secret-key',
      'sk',
      '--session-token',
      'st',
      '--callback-url',
      'http://127.0.0.1:3000/rtc/events',
    );
    const [output] = (await once(child.stdout, 'data')) as [Buffer];
    const environment = parseEnv(output.toString());
    expect(environment).toEqual({
      RTC_ENDPOINT: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      RTC_APP_ID: 'my-app',
      RTC_APP_KEY: 'emulator-app-key',
      RTC_FROM: 'server',
      VOLCENGINE_ACCESS_KEY: 'ak',
      VOLCENGINE_SECRET_KEY: 'sk',
      VOLCENGINE_SESSION_TOKEN: 'st',
      RTC_CALLBACK_SECRETS: 'emulator-callback-secret',
    });
    const { module, service } = await createService({
      appId: environment['RTC_APP_ID'],
      from: environment['RTC_FROM'],
      endpoint: environment['RTC_ENDPOINT'],
      credentials: { accessKeyId: 'ak', secretAccessKey: 'sk', sessionToken: 'st' },
    });
    expect((await service.batchSend({ roomId: 'r', to: ['a'], message: 'm' })).outcome).toBe('accepted');
    await module.close();
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('warns once for each room, twenty times in all, when a message is accepted for users who are not there', async () => {
    start('--port', '0');
    const [output] = (await once(child.stdout, 'data')) as [Buffer];
    const { RTC_ENDPOINT: endpoint = '' } = parseEnv(output.toString());
    const warnings: string[] = [];
    child.stderr.on('data', (line: Buffer) =>
      warnings.push(...(line.toString().match(/RtcEmulatorWarning.*/g) ?? [])),
    );
    await fetch(`${endpoint}/__emulator/rooms/full/users/a`, { method: 'PUT' });
    const { module, service } = await createService({
      appId: 'emulator-app',
      from: 'server',
      endpoint,
      credentials: { accessKeyId: 'emulator-access-key', secretAccessKey: 'emulator-secret-key' },
    });
    const broadcasts = module.get(RoomBroadcastService);
    const users = module.get(UserUnicastService);
    await service.batchSend({ roomId: 'full', to: ['a'], message: 'm' });
    await broadcasts.send({ roomId: 'full', message: 'm' });
    expect(warnings).toEqual([]);
    await service.batchSend({ roomId: 'full', to: ['a', 'b', 'c', 'd', 'e', 'f'], message: 'm' });
    await service.batchSend({ roomId: 'full', to: ['b'], message: 'm' });
    await broadcasts.send({ roomId: 'empty', message: 'm' });
    await users.send({ to: 'a', message: 'm' });
    for (let room = 0; room < 30; room += 1)
      await service.send({ roomId: `r-${room}`, to: 'a', message: 'm' });
    await module.close();
    child.kill('SIGTERM');
    // Rather than `exit`, after which there may be more to read.
    await once(child, 'close');
    const heard = warnings.map((line) => /but (.*), and nothing/.exec(line)?.[1]);
    expect(heard.slice(0, 4)).toEqual([
      'b, c, d and 2 more are not in room full',
      'no one is in room empty',
      'a is not logged in',
      'a is not in room r-0',
    ]);
    expect(heard).toHaveLength(20);
  });

  it('says that its port is in use, and what to do', async () => {
    const taken = await listen(createServer());
    start('--port', String(taken.port));
    const [[output], [code]] = (await Promise.all([once(child.stderr, 'data'), once(child, 'exit')])) as [
      [Buffer],
      [number],
    ];
    expect(output.toString()).toMatch(/: Port \d+ is in use, .*--port takes another one\.\n$/);
    expect(code).toBe(1);
    await taken.close();
  });

  it.each(REFUSALS.slice(0, refusals))('refuses %j with one clear line', async (args, words) => {
    start(...args);
    const [[output], [code]] = (await Promise.all([once(child.stderr, 'data'), once(child, 'exit')])) as [
      [Buffer],
      [number],
    ];
    expect(output.toString()).toContain(`${name.split(' ')[0]}: ${words}`);
    expect(output.toString().trim().split('\n')).toHaveLength(1);
    expect(code).toBe(1);
  });
});
