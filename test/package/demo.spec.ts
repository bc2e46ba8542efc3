import { expect, it } from '@jest/globals';
import { resolve } from 'node:path';
import { exec } from '../support/exec.js';

const ROOT = resolve(import.meta.dirname, '../..');
/** The demo as `npm run demo -- --once` runs it, once the library and the sample are built. */
const RUN =
  "import { runDemo } from './scripts/demo/run-demo.mjs'; process.exitCode = (await runDemo({ once: true })) ? 0 : 1;";

it('the demo shows what each of three users received, and ends', async () => {
  const output = await exec('node', ['--input-type=module', '-e', RUN], {
    cwd: ROOT,
    env: { NO_COLOR: '1' },
  });
  for (const user of ['alice', 'bob', 'carol']) {
    const name = user.padEnd(8);
    expect(output).toContain(
      `${name} onUserMessageReceived(server, {"type":"class.started","title":"Real-time messaging, 第一课"})`,
    );
    expect(output).toContain(`${name} onUserBinaryMessageReceived(server, <cafe0001>)`);
  }
  expect(output).toMatch(
    /=== Try it yourself\nThe console, in a browser:\nhttp:\/\/127\.0\.0\.1:\d+\/#key=\w+&room=demo-room&join=alice%2Cbob%2Ccarol\n/,
  );
});

it('the demo announces the real service when there is an access key', async () => {
  // Without an app's ID the sample does not boot, so that nothing is sent.
  const env = { NO_COLOR: '1', VOLCENGINE_ACCESS_KEY: 'key', VOLCENGINE_SECRET_KEY: 'secret' };
  const command = `node --input-type=module -e "${RUN}" 2>&1; echo "exit $?"`;
  const output = await exec('sh', ['-c', command], { cwd: ROOT, env });
  expect(output.trimStart()).toMatch(
    /^=== Access key found in the environment: messages go to the REAL service/,
  );
  expect(output).toContain('appId (RTC_APP_ID): is missing');
  expect(output.trimEnd()).toMatch(/exit 1$/);
});

it('the demo uses the emulator when the environment names an endpoint', async () => {
  const env = {
    NO_COLOR: '1',
    VOLCENGINE_ACCESS_KEY: 'key',
    VOLCENGINE_SECRET_KEY: 'secret',
    RTC_ENDPOINT: 'http://127.0.0.1:1',
  };
  const output = await exec('node', ['--input-type=module', '-e', RUN], { cwd: ROOT, env });
  expect(output.trimStart()).toMatch(/^=== The emulator stands in for the remote service/);
});

it('the demo of a fan-out sends to everyone once, and shows how far it is', async () => {
  const run =
    "import { runFanOutDemo } from './scripts/demo/fan-out-demo.mjs'; process.exitCode = (await runFanOutDemo(30_000)) ? 0 : 1;";
  const output = await exec('sh', ['-c', `node --input-type=module -e "${run}" 2>&1`], {
    cwd: ROOT,
    env: { NO_COLOR: '1' },
  });
  expect(output).toContain('=== One message to 30,000 users: 50 requests');
  expect(output).toContain('100 % | 30000 of 30000');
  expect(output).toContain('The emulator accepted 30,000, of them twice: 0');
});
