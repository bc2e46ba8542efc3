import type { Command } from 'commander';
import type { EmulatedQuota, RtcEmulatorOptions } from '../emulator/rtc-emulator-options.js';
import { readFile } from './read-file.js';
import { readNumber } from './run-command.js';

/** The others are options of the emulator by the same names. */
interface EmulatorArguments extends Pick<
  RtcEmulatorOptions,
  'port' | 'host' | 'appId' | 'appKey' | 'requireTokens'
> {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken?: string;
  readonly quota: number;
  readonly costPer?: EmulatedQuota['costPer'];
  readonly window?: EmulatedQuota['window'];
  readonly callbackUrl?: string;
  readonly callbackSecret: string;
  readonly roomLimit?: number;
  readonly keep?: number;
  readonly allowHost?: readonly string[];
  readonly allowOrigin?: readonly string[];
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

const MEGABYTE = 1_048_576;

/** What the emulator is started with. Its keys may be flags, since they open nothing but an emulator. */
export function defineEmulator(command: Command): Command {
  return command
    .description('Serves the messaging and presence actions of the Volcengine RTC API on this machine.')
    .option('--port <port>', 'port to listen on; 0 for any free one', readNumber, 8787)
    .option('--host <address>', 'address to listen on (default: 127.0.0.1)')
    .option('--app-id <id>', 'ID of the app (default: emulator-app)')
    .option('--app-key <key>', 'key of the app (default: emulator-app-key)')
    .option('--require-tokens', 'refuse clients that join or log in without a token')
    .option('--access-key <id>', 'access key of the account', 'emulator-access-key')
    .option('--secret-key <key>', 'its secret', 'emulator-secret-key')
    .option('--session-token <token>', 'session token, if the access key is to be a temporary one')
    .option('--quota <number>', 'requests a second; none for no limit', readQuota, 500)
    .option('--cost-per <what>', 'what counts as one: request or recipient (default: request)')
    .option('--window <kind>', 'how a second is counted: sliding or fixed (default: sliding)')
    .option('--room-limit <number>', 'messages a second into each room (default: no limit)', readNumber)
    .option('--callback-url <url>', 'URL that receives events of rooms (default: none)')
    .option('--callback-secret <secret>', 'secret that events are signed with', 'emulator-callback-secret')
    .option(
      '--keep <megabytes>',
      'how much of the requests and received messages is kept (default: 512)',
      (value) => readNumber(value) * MEGABYTE,
    )
    .option('--allow-host <names...>', 'other host names of the emulator')
    .option('--allow-origin <origins...>', 'origins whose web pages may use it')
    .option('--tls-cert <file>', 'certificate to serve over TLS with, in PEM; needs --tls-key', readPem)
    .option('--tls-key <file>', 'private key of the certificate, in PEM', readPem)
    .action(serve);
}

function readQuota(value: string): number {
  return value === 'none' ? Number.POSITIVE_INFINITY : readNumber(value);
}

function readPem(file: string): string {
  return readFile('--tls-cert and --tls-key:', file).toString();
}

async function serve(given: EmulatorArguments): Promise<void> {
  const { callbackUrl, callbackSecret, tlsCert, tlsKey } = given;
  const { RtcEmulator } = await import('../emulator/index.js');
  const emulator = await RtcEmulator.start({
    port: given.port,
    host: given.host,
    appId: given.appId,
    appKey: given.appKey,
    requireTokens: given.requireTokens,
    credentials: {
      accessKeyId: given.accessKey,
      secretAccessKey: given.secretKey,
      sessionToken: given.sessionToken,
    },
    quota: { requestsPerSecond: given.quota, costPer: given.costPer, window: given.window },
    roomMessagesPerSecond: given.roomLimit,
    callbacks: callbackUrl === undefined ? undefined : { url: callbackUrl, secret: callbackSecret },
    keepBytes: given.keep,
    allowedHosts: given.allowHost,
    allowedOrigins: given.allowOrigin,
    tls: (tlsCert ?? tlsKey) ? { cert: tlsCert ?? '', key: tlsKey ?? '' } : undefined,
  }).catch((error: NodeJS.ErrnoException): never => {
    if (error.code !== 'EADDRINUSE') throw error;
    throw new Error(`Port ${given.port} is in use, perhaps by another emulator; --port takes another one.`);
  });

  const { appId, appKey, from, endpoint, credentials } = emulator.moduleOptions();
  process.stdout.write(
    `# The emulator listens on ${endpoint} until Ctrl-C.\n# Variables of an app that uses it:\n` +
      `RTC_ENDPOINT=${endpoint}\nRTC_APP_ID=${appId}\nRTC_APP_KEY=${appKey}\nRTC_FROM=${from}\n` +
      `VOLCENGINE_ACCESS_KEY=${credentials.accessKeyId}\nVOLCENGINE_SECRET_KEY=${credentials.secretAccessKey}\n` +
      (callbackUrl === undefined ? '' : `RTC_CALLBACK_SECRETS=${callbackSecret}\n`) +
      (credentials.sessionToken ? `VOLCENGINE_SESSION_TOKEN=${credentials.sessionToken}\n` : '') +
      `# Join a room: ws${endpoint.slice(4)}/rooms/room-1?userId=alice (outside of rooms: /users?userId=alice)\n` +
      `# What was received: ${endpoint}/__emulator/rooms/room-1/users/alice/received\n`,
  );
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void emulator.close());
}
