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
}, 30_000);

it('the demo says first that it uses the real service when there is an access key', async () => {
  const env = {
    NO_COLOR: '1',
    VOLCENGINE_ACCESS_KEY: 'key',
    VOLCENGINE_SECRET_KEY: 'secret',
    RTC_APP_ID: 'app',
    RTC_FROM: 'server',
    // The real service's place in this test: nothing listens there.
    RTC_ENDPOINT: 'http://127.0.0.1:1',
  };
  const command = `node --input-type=module -e "${RUN}"; echo "exit $?"`;
  const output = await exec('sh', ['-c', command], { cwd: ROOT, env });
  expect(output.trimStart()).toMatch(
    /^=== Access key found in the environment: messages go to http:\/\/127\.0\.0\.1:1\n/,
  );
  expect(output).toContain('502 {"statusCode":502');
  expect(output.trimEnd()).toMatch(/exit 1$/);
}, 30_000);
