import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { certificate } from '../support/certificate.js';
import { until } from '../support/until.js';
import { emulatorEnvironment } from '../support/emulator-environment.js';

const CLI = resolve(import.meta.dirname, '../../dist/esm/command/cli.js');

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe('the command nestjs-rtc-messaging', () => {
  let emulator: RtcEmulator;
  let folder: string;
  let right: Record<string, string>;
  beforeAll(async () => {
    emulator = await RtcEmulator.start();
    right = { ...emulatorEnvironment(emulator), RTC_APP_KEY: 'emulator-app-key' };
    folder = await mkdtemp(join(tmpdir(), 'rtc-command-'));
    await writeFile(join(folder, 'right.env'), toEnv(right));
    const [one, other] = await Promise.all([certificate(), certificate()]);
    await writeFile(join(folder, 'one.pem'), one.cert);
    await writeFile(join(folder, 'other.key'), other.key);
  });
  afterAll(async () => {
    await emulator.close();
    await rm(folder, { recursive: true });
  });

  const toEnv = (variables: Record<string, string>): string =>
    Object.entries(variables)
      .map(([name, value]) => `${name}=${value}\n`)
      .join('');
  /** Without a terminal. */
  const run = (args: readonly string[], env: Record<string, string> = {}): Promise<Ended> =>
    new Promise((done) => {
      const options = { cwd: folder, env: { PATH: process.env['PATH'], ...env } };
      const child = execFile(process.execPath, [CLI, ...args], options, (error, stdout, stderr) =>
        done({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
      );
      child.stdin?.end();
    });

  it.each([['check'], ['emulator'], ['send'], ['token']])('explains %s', async (name) => {
    const { code, stdout } = await run([name, '--help']);
    expect(stdout).toContain(`Usage: nestjs-rtc-messaging ${name} [options]`);
    expect(code).toBe(0);
  });

  it('knows its version', async () => {
    expect((await run(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('lists everything that is missing at once, with its variable', async () => {
    const { code, stdout } = await run(['check'], {
      RTC_ENDPOINT: 'http://127.0.0.1:9',
      RTC_TIMEOUT_MS: 'x',
    });
    for (const name of ['RTC_APP_ID', 'RTC_TIMEOUT_MS', 'VOLCENGINE_ACCESS_KEY', 'VOLCENGINE_SECRET_KEY'])
      expect(stdout).toContain(name);
    expect(code).toBe(1);
  });

  it('reads a file of variables, and lets those of the environment win', async () => {
    const well = await run(['check', '--env', 'right.env']);
    expect(well.stdout).toContain('✔ app         emulator-app may be used with this key\n');
    expect(well.code).toBe(0);
    const wrong = await run(['check', '--json', '--env', 'right.env'], {
      VOLCENGINE_SECRET_KEY: 'wrong-key',
    });
    expect(JSON.parse(wrong.stdout)).toMatchObject({
      ok: false,
      findings: expect.arrayContaining([expect.objectContaining({ step: 'signature', status: 'failed' })]),
    });
    expect(wrong.code).toBe(1);
    expect(wrong.stdout + wrong.stderr).not.toContain('wrong-key');
    expect(await run(['check', '--env', 'none.env'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('none.env'),
    });
  });

  it('reads .env by itself', async () => {
    await writeFile(join(folder, '.env'), toEnv(right));
    expect((await run(['check'])).code).toBe(0);
    await rm(join(folder, '.env'));
  });

  it('spends quota only when told to', async () => {
    const before = emulator.requests.length;
    const asked = await run(['check', '--quota'], right);
    // What costs nothing is found out all the same.
    expect(asked.stdout).toMatch(/✔ app .*\n(.*\n)*✖ quota .*There is no terminal to ask at: --yes says so/);
    expect(asked.code).toBe(1);
    expect(emulator.requests).toHaveLength(before + 1);
    const { stdout, code } = await run(['check', '--quota', '--yes'], right);
    expect(stdout).toMatch(/quota {7}1500 recipients were accepted/);
    expect(code).toBe(0);
  });

  it('sends text, and bytes of a file, to users in a room', async () => {
    const [alice, bob] = ['alice', 'bob'].map((id) => emulator.room('room-1').join(id));
    const text = await run(['send', '--room', 'room-1', '--to', 'alice', 'bob', '--text', 'hello'], right);
    expect(text).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^✔ Accepted for 2 users \(request \w+\)/),
    });
    await writeFile(join(folder, 'bytes'), Uint8Array.of(255, 0));
    const args = ['send', '--room', 'room-1', '--to', 'alice', '--file', 'bytes'];
    expect(await run(args, right)).toMatchObject({ code: 1, stderr: expect.stringContaining('--binary') });
    const sent = JSON.parse((await run([...args, '--binary', '--json'], right)).stdout) as object;
    expect(sent).toMatchObject({
      ok: true,
      receipt: { outcome: 'accepted', action: 'SendRoomUnicast', recipients: 1 },
    });
    expect(alice?.received.map(({ message }) => message)).toEqual(['hello', Uint8Array.of(255, 0)]);
    expect(bob?.received).toMatchObject([{ message: 'hello' }]);
  });

  it('says why a message was refused, and what to do', async () => {
    const wrong = { ...right, RTC_APP_ID: 'no-app' };
    const args = ['send', '--room', 'room-1', '--to', 'alice', '--text', 'a private text'];
    const { code, stderr } = await run(args, wrong);
    expect(stderr).toMatch(/NotExistAppId.*Check appId \(RTC_APP_ID\)/);
    expect(code).toBe(1);
    const json = await run([...args, '--json'], wrong);
    expect(JSON.parse(json.stdout)).toMatchObject({
      ok: false,
      error: { code: 'RTC_API', outcome: 'rejected' },
    });
    expect(stderr + json.stdout).not.toContain('a private text');
  });

  it('asks before it sends to another machine, and does not without a terminal', async () => {
    const args = ['send', '--room', 'room-1', '--to', 'alice', '--text', 'hello'];
    // Were it to send, it would look this host up.
    const { code, stderr } = await run(args, { ...right, RTC_ENDPOINT: 'https://nowhere.invalid' });
    expect(stderr).toBe(
      'nestjs-rtc-messaging: This sends to 1 user at nowhere.invalid. Go on? There is no terminal to ask at: --yes says so.\n',
    );
    expect(code).toBe(1);
  });

  /** At a terminal, which answers the question. */
  const runAtTerminal = async (args: string, answer: string): Promise<{ code: number; output: string }> => {
    const command = `"${process.execPath}" "${CLI}" ${args}; echo "ended with $?"`;
    // Linux's, or that of BSD and macOS.
    const script =
      process.platform === 'linux'
        ? ['-qec', command, '/dev/null']
        : ['-q', '/dev/null', 'sh', '-c', command];
    const child = spawn('script', script, {
      cwd: folder,
      env: { PATH: process.env['PATH'], NO_COLOR: '1', SHELL: '/bin/sh', TERM: 'dumb', ...right },
    });
    let output = '';
    let isAnswered = false;
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (isAnswered || !output.includes('[y/N]')) return;
      isAnswered = true;
      child.stdin.write(answer);
    });
    await once(child, 'close');
    return { code: Number(/ended with (\d+)/.exec(output)?.[1]), output };
  };

  it.each([
    ['y\r', 0, 3, / quota {7}1500 recipients were accepted/],
    ['n\r', 0, 0, /- quota {7}not checked/],
    ['\r', 0, 0, /- quota {7}not checked/],
    // Ctrl-D, and Ctrl-C, which ends the command.
    ['\u0004', 0, 0, /- quota {7}not checked/],
    ['\u0003', 130, 0, /Go on\? \[y\/N\] \s*ended/],
  ])(
    'asks at a terminal before it spends quota, and takes %j as an answer',
    async (answer, code, sent, words) => {
      const before = emulator.accepted.total;
      const ended = await runAtTerminal('check --quota', answer);
      expect(ended).toEqual({ code, output: expect.stringMatching(words) });
      expect(emulator.accepted.total - before).toBe(sent * 500);
    },
  );

  it('says that it found no .env where something is missing', async () => {
    const { stdout } = await run(['check']);
    expect(stdout).toMatch(/^! settings {4}there is no \.env in this folder; --env names a file\n/);
    expect((await run(['check'], right)).stdout).not.toContain('.env');
  });

  it('prints wrong settings as JSON, too', async () => {
    const args = ['send', '--room', 'r', '--to', 'a', '--text', 'x', '--json'];
    const { code, stdout } = await run(args, { ...right, RTC_APP_ID: 'a b' });
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      error: { code: 'RTC_CONFIG', problems: [{ option: 'appId' }] },
    });
    expect(code).toBe(1);
  });

  it.each([
    [['send', '--room', 'r', '--to', 'a'], 'give --text or --file'],
    [['send', '--room', 'r', '--to', 'a', '--text', 'x', '--file', 'y'], 'give --text or --file, not both'],
    [['send', '--to', 'a', '--text', 'x'], "required option '--room <id>'"],
    [['token', '--user', 'a'], 'give one of --room, --any-room and --login'],
    [['token', '--user', 'a b', '--room', 'r'], 'userId'],
    [['token', '--user', 'a', '--room', 'r', '--expires', '0'], 'expiresInSeconds'],
    [['token', '--user', 'a', '--room', 'r', '--expires', 'soon'], "'soon' is invalid. It must be a number."],
    [['check', '--sned'], 'Did you mean --send?'],
    [['check', 'all'], "too many arguments for 'check'"],
    [['nothing'], "unknown command 'nothing'"],
  ])('refuses %j with one clear line', async (args, words) => {
    const { code, stderr } = await run(args, right);
    expect(stderr).toContain(words);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(code).toBe(1);
  });

  it.each([
    [['check', '--env', 'nope.env'], '--env nope.env: ENOENT: no such file'],
    [['check', '--env', '/'], '--env /: EISDIR'],
    [['send', '--room', 'r', '--to', 'a', '--file', '/'], '--file /: EISDIR'],
    [
      ['send', '--room', 'r', '--to', 'a', '--text', 'x', '--env', 'nope.env'],
      '--env nope.env: ENOENT: no such file',
    ],
    [['send', '--room', 'r'], "required option '--to <users...>'"],
    [['token', '--user', 'a', '--login', '--allow', 'publish'], '--allow is for --room and --any-room'],
  ])('says in words and as JSON why %j did nothing', async (args, words) => {
    const { code, stdout, stderr } = await run([...args, '--json'], right);
    expect(stderr).toContain(words);
    expect(JSON.parse(stdout)).toEqual({ ok: false, error: { message: expect.stringContaining(words) } });
    expect(code).toBe(1);
  });

  it.each([
    [['--host', '192.0.2.1'], 'EADDRNOTAVAIL: address not available 192.0.2.1'],
    [['--tls-cert', 'nope.pem', '--tls-key', 'nope.pem'], 'nope.pem: ENOENT: no such file'],
    [['--secret-key', 'bad key'], 'of printable ASCII without spaces'],
    [['--app-id', 'a b'], 'appId: must be 1–128 characters without white space'],
    [
      ['--tls-cert', 'one.pem', '--tls-key', 'other.key'],
      'tls: key and cert must be PEM texts that belong together',
    ],
    [
      ['--tls-cert', 'right.env', '--tls-key', 'other.key'],
      'tls: key and cert must be PEM texts that belong together',
    ],
    [
      ['--tls-cert', 'one.pem', '--tls-key', 'one.pem'],
      'tls: key and cert must be PEM texts that belong together',
    ],
  ])('starts no emulator with %j', async (args, words) => {
    const { code, stderr } = await run(['emulator', '--port', '0', ...args]);
    expect(stderr).toContain(words);
    expect(stderr).not.toContain('bad key');
    expect(code).toBe(1);
  });

  it('reads all variables of a file as editors of Windows write it, and says what is no text', async () => {
    const lines = toEnv(right).replaceAll('\n', '\r\n');
    await writeFile(join(folder, 'marked.env'), `\ufeff${lines}`);
    expect((await run(['check', '--env', 'marked.env'])).code).toBe(0);
    await writeFile(join(folder, 'wide.env'), `\ufeff${lines}`, 'utf16le');
    expect(await run(['check', '--env', 'wide.env'])).toMatchObject({
      code: 1,
      stderr: 'nestjs-rtc-messaging: --env wide.env: it is not UTF-8 text; save it as UTF-8\n',
    });
  });

  it.each([
    [['check'], 0],
    [['check', '--json'], 0],
    [['send', '--room', 'r', '--to', 'a', '--text', 'x'], 0],
    [['send', '--room', 'r', '--to', 'a b', '--text', 'x', '--json'], 1],
    [['token', '--user', 'a', '--login'], 0],
  ])('ends %j as it would have, where nobody reads what it prints', async (args, code) => {
    const child = spawn(process.execPath, [CLI, ...args], {
      cwd: folder,
      env: { PATH: process.env['PATH'], ...right },
    });
    child.stdout.destroy();
    child.stderr.destroy();
    expect(await once(child, 'exit')).toEqual([code, null]);
  });

  it.each([
    ['send', '--room', 'r', '--to', 'a', '--text', 'x'],
    ['token', '--user', 'a', '--login'],
  ])('says to %s that there is no .env', async (...args) => {
    const { code, stderr } = await run(args);
    expect(stderr).toMatch(/there is no \.env in this folder; --env names a file/);
    expect(code).toBe(1);
  });

  it('says that a message may have been accepted, with exit codes of their own', async () => {
    const args = ['send', '--room', 'room-1', '--to', 'alice', '--text', 'x'];
    emulator.faults.add({ kind: 'reset' });
    const unknown = await run(args, right);
    expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('may have been accepted') });
    emulator.faults.add({ kind: 'late', delayMs: 30_000 });
    const before = emulator.requests.length;
    const child = spawn(process.execPath, [CLI, ...args, '--json'], {
      cwd: folder,
      env: { PATH: process.env['PATH'], ...right, RTC_TIMEOUT_MS: '60000' },
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await until(() => emulator.requests.length > before);
    child.kill('SIGINT');
    expect(await once(child, 'close')).toEqual([130, null]);
    expect(JSON.parse(output)).toMatchObject({
      ok: false,
      error: {
        code: 'RTC_ABORTED',
        outcome: 'unknown',
        message: expect.stringContaining('may have been accepted'),
      },
    });
    emulator.faults.clear();
  });

  it('issues tokens that the emulator takes, without an access key', async () => {
    const { RTC_APP_ID = '', RTC_APP_KEY = '' } = right;
    const app = { RTC_APP_ID, RTC_APP_KEY };
    const { stdout: join } = await run(['token', '--user', 'carol', '--room', 'room-2'], app);
    expect(emulator.room('room-2').join('carol', { token: join.trim() }).token).toMatchObject({
      roomId: 'room-2',
    });
    const { stdout: login } = await run(['token', '--user', 'carol', '--login', '--json'], app);
    const { ok, token } = JSON.parse(login) as { ok: boolean; token: string };
    expect(ok).toBe(true);
    expect(emulator.login('carol', { token }).token).toMatchObject({ userId: 'carol' });
    const without = await run(['token', '--user', 'carol', '--login'], {});
    expect(without).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/appId \(RTC_APP_ID\): .*\n.*appKey \(RTC_APP_KEY\): /),
    });
  });

  describe('with a file of variables', () => {
    const KEY = 'VOLCENGINE_SECRET_KEY';
    const WARNING = '! settings    ';

    it.each([
      [
        'a variable of the environment differs',
        {},
        { RTC_APP_ID: 'old' },
        'RTC_APP_ID of the environment hides that of a.env',
      ],
      [
        'a name is misspelled',
        { RTC_QUOTA_RSP: '100' },
        {},
        'RTC_QUOTA_RSP is not a variable of this library; did you mean RTC_QUOTA_RPS?',
      ],
      [
        'a name of the environment is misspelled',
        {},
        { RTC_ENPOINT: 'x' },
        'RTC_ENPOINT is not a variable of this library; did you mean RTC_ENDPOINT?',
        ['RTC_ENDPOINT'],
      ],
    ] as const)(
      'check warns where %s',
      async (_what, written, set, note, without: readonly string[] = []) => {
        const variables = Object.entries({ ...right, ...written }).filter(
          ([name]) => !without.includes(name),
        );
        await writeFile(join(folder, 'a.env'), toEnv(Object.fromEntries(variables)));
        // Nothing leaves this machine where the endpoint is not set.
        const { stdout, stderr } = await run(['check', '--env', 'a.env'], {
          RTC_QUOTA_CREDIT: '',
          ...set,
          ...(without.length > 0 && { RTC_REGION: 'nowhere' }),
        });
        expect(stdout).toContain(`${WARNING}${note}`);
        expect(stdout + stderr).not.toContain(right[KEY]);
      },
    );

    it('check warns of nothing where all is right', async () => {
      const set = { RTC_APP_ID: right['RTC_APP_ID'] ?? '', RTC_COLOUR: 'red', RTC_DEADLINE_MS: '' };
      const { stdout, code } = await run(['check', '--env', 'right.env'], set);
      expect(stdout).not.toContain('!');
      expect(code).toBe(0);
    });

    it('check says that a variable is empty, not missing', async () => {
      const { stdout } = await run(['check'], { ...right, RTC_APP_ID: '', [KEY]: '' });
      expect(stdout).toMatch(/✖ settings {4}appId \(RTC_APP_ID\): is empty\n/);
      expect(stdout).toMatch(
        /✖ settings {4}credentials\.secretAccessKey \(VOLCENGINE_SECRET_KEY\): is empty\n/,
      );
    });

    it('send says with its error what hides a variable', async () => {
      const args = ['send', '--room', 'r', '--to', 'a', '--text', 'x', '--env', 'right.env'];
      const note = 'RTC_APP_ID of the environment hides that of right.env';
      expect((await run(args, { RTC_APP_ID: 'old' })).stderr).toContain(`\n  - ${note}\n`);
      const { error } = JSON.parse((await run([...args, '--json'], { RTC_APP_ID: 'old' })).stdout) as {
        error: Error;
      };
      expect(error.message).toContain(note);
    });
  });

  it('takes the sender as an option', async () => {
    const { RTC_FROM: _, ...without } = right;
    const alice = emulator.room('room-3').join('alice');
    const args = ['send', '--room', 'room-3', '--to', 'alice', '--text', 'x'];
    expect(await run(args, without)).toMatchObject({
      code: 1,
      stderr: 'nestjs-rtc-messaging: the sender is missing: give --from, or set RTC_FROM\n',
    });
    expect((await run([...args, '--from', 'teacher'], without)).code).toBe(0);
    expect(alice.received).toMatchObject([{ from: 'teacher' }]);
    expect((await run(['check', '--send'], without)).stdout).toContain(
      '? messaging   not checked without a sender',
    );
    expect((await run(['check', '--send', '--from', 'teacher'], without)).stdout).toContain('✔ messaging');
  });
});
