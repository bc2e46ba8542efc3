#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { RtcEmulator } from './rtc-emulator.js';
import type { EmulatedQuota } from './rtc-emulator-options.js';

const HELP = `Usage: rtc-emulator [options]

Serves the messaging actions and those of presence of the Volcengine RTC API on this machine.

  --port <port>           default 8787; 0 for any free one
  --host <address>        default 127.0.0.1
  --app-id <id>           default emulator-app
  --app-key <key>         default emulator-app-key
  --require-tokens        refuses who joins or logs in without a token
  --access-key <id>       default emulator-access-key
  --secret-key <key>      default emulator-secret-key
  --session-token <token> makes the access key a temporary one
  --quota <number>        requests a second, default 500; "none" lifts it
  --cost-per <what>       what counts as one: request (default) or recipient
  --window <kind>         sliding (default) or fixed
  --room-limit <number>   messages into a room a second; default: none
  --keep <megabytes>      of what came and was received; default 512, then the oldest is dropped
  --allow-host <name>     beside this machine's and --host; can be given several times
  --allow-origin <origin> of web pages that may read and change all; can be given several times
  --tls-cert <file>       serves over TLS with this certificate (PEM) …
  --tls-key <file>        … and this private key
  --help                  this text
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '8787' },
      host: { type: 'string' },
      'app-id': { type: 'string' },
      'app-key': { type: 'string' },
      'require-tokens': { type: 'boolean' },
      'access-key': { type: 'string', default: 'emulator-access-key' },
      'secret-key': { type: 'string', default: 'emulator-secret-key' },
      'session-token': { type: 'string' },
      quota: { type: 'string', default: '500' },
      'cost-per': { type: 'string' },
      window: { type: 'string' },
      'room-limit': { type: 'string' },
      keep: { type: 'string' },
      'allow-host': { type: 'string', multiple: true },
      'allow-origin': { type: 'string', multiple: true },
      'tls-cert': { type: 'string' },
      'tls-key': { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const { 'tls-cert': cert, 'tls-key': key } = values;
  if ((cert === undefined) !== (key === undefined))
    throw new TypeError('--tls-cert and --tls-key go together');
  const emulator = await RtcEmulator.start({
    ...(cert !== undefined &&
      key !== undefined && { tls: { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') } }),
    port: Number(values.port),
    host: values.host,
    appId: values['app-id'],
    appKey: values['app-key'],
    requireTokens: values['require-tokens'],
    credentials: {
      accessKeyId: values['access-key'],
      secretAccessKey: values['secret-key'],
      sessionToken: values['session-token'],
    },
    quota: {
      requestsPerSecond: values.quota === 'none' ? Number.POSITIVE_INFINITY : Number(values.quota),
      costPer: values['cost-per'] as EmulatedQuota['costPer'],
      window: values.window as EmulatedQuota['window'],
    },
    roomMessagesPerSecond: values['room-limit'] === undefined ? undefined : Number(values['room-limit']),
    keepBytes: values.keep === undefined ? undefined : Number(values.keep) * 1_048_576,
    allowedHosts: values['allow-host'],
    allowedOrigins: values['allow-origin'],
  });

  const { appId, appKey, from, endpoint, credentials } = emulator.moduleOptions();
  process.stdout.write(
    `# The emulator listens on ${endpoint}. For the app's environment:\n` +
      `RTC_ENDPOINT=${endpoint}\nRTC_APP_ID=${appId}\nRTC_APP_KEY=${appKey}\nRTC_FROM=${from}\n` +
      `VOLCENGINE_ACCESS_KEY=${credentials.accessKeyId}\nVOLCENGINE_SECRET_KEY=${credentials.secretAccessKey}\n` +
      (credentials.sessionToken ? `VOLCENGINE_SESSION_TOKEN=${credentials.sessionToken}\n` : '') +
      `# Join a room: ws${endpoint.slice(4)}/rooms/room-1?userId=alice (outside of rooms: /users?userId=alice)\n` +
      `# What was received: ${endpoint}/__emulator/rooms/room-1/users/alice/received\n`,
  );
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void emulator.close());
}

main().catch((error: unknown) => {
  process.stderr.write(`rtc-emulator: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
