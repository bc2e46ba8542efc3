import type { Command } from 'commander';
import type { EmulatedQuota } from '../emulator/rtc-emulator-options.js';
import { readText } from './read-file.js';
import { readNumber } from './run-command.js';

interface EmulatorArguments {
  readonly port: number;
  readonly host?: string;
  readonly appId?: string;
  readonly appKey?: string;
  readonly requireTokens?: true;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken?: string;
  readonly quota: number;
  readonly costPer?: EmulatedQuota['costPer'];
  readonly window?: EmulatedQuota['window'];
  readonly roomLimit?: number;
  readonly callbackUrl?: string;
  readonly callbackSecret: string;
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
    .description(
      'Serves the messaging actions and those of presence of the Volcengine RTC API on this machine.',
    )
    .option('--port <port>', '0 for any free one', readNumber, 8787)
    .option('--host <address>', 'to listen on; 127.0.0.1 unless it is given')
    .option('--app-id <id>', 'emulator-app unless it is given')
    .option('--app-key <key>', 'emulator-app-key unless it is given')
    .option('--require-tokens', 'refuses who joins or logs in without a token')
    .option('--access-key <id>', 'of the account', 'emulator-access-key')
    .option('--secret-key <key>', 'of the account', 'emulator-secret-key')
    .option('--session-token <token>', 'makes the access key a temporary one')
    .option('--quota <number>', 'requests a second; "none" lifts it', readQuota, 500)
    .option('--cost-per <what>', 'what counts as one: request or recipient; request unless it is given')
    .option('--window <kind>', 'sliding or fixed; sliding unless it is given')
    .option('--room-limit <number>', 'messages into a room a second; none unless it is given', readNumber)
    .option('--callback-url <url>', 'where events of rooms are told to; nowhere unless it is given')
    .option('--callback-secret <secret>', 'that events are signed with', 'emulator-callback-secret')
    .option('--keep <megabytes>', 'of what came and was received; 512 unless it is given', readNumber)
    .option('--allow-host <name>', "beside this machine's and --host; can be given several times", each)
    .option(
      '--allow-origin <origin>',
      'of web pages that may read and change all; can be given several times',
      each,
    )
    .option('--tls-cert <file>', 'serves over TLS with this certificate (PEM) …')
    .option('--tls-key <file>', '… and this private key')
    .action(serve);
}

function each(value: string, others: readonly string[] = []): string[] {
  return [...others, value];
}

function readQuota(value: string): number {
  return value === 'none' ? Number.POSITIVE_INFINITY : readNumber(value);
}

async function serve(given: EmulatorArguments): Promise<void> {
  const { tlsCert: cert, tlsKey: key } = given;
  if ((cert === undefined) !== (key === undefined))
    throw new TypeError('--tls-cert and --tls-key go together');
  const { callbackUrl: url, callbackSecret: secret } = given;
  const { RtcEmulator } = await import('../emulator/index.js');
  const emulator = await RtcEmulator.start({
    ...(cert !== undefined &&
      key !== undefined && { tls: { cert: readText('--tls-cert', cert), key: readText('--tls-key', key) } }),
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
    ...(url !== undefined && { callbacks: { url, secret } }),
    keepBytes: given.keep === undefined ? undefined : given.keep * MEGABYTE,
    allowedHosts: given.allowHost,
    allowedOrigins: given.allowOrigin,
  }).catch((error: unknown): never => {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE')
      throw new Error(`Port ${given.port} is in use, perhaps by another emulator; --port takes another one.`);
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EAI_AGAIN')
      throw new Error(`--host: ${given.host} is no address of this machine`);
    if (code === 'EACCES') throw new Error(`--port: this user may not listen on port ${given.port}`);
    throw error;
  });

  const { appId, appKey, from, endpoint, credentials } = emulator.moduleOptions();
  process.stdout.write(
    `# The emulator listens on ${endpoint}. For the app's environment:\n` +
      `RTC_ENDPOINT=${endpoint}\nRTC_APP_ID=${appId}\nRTC_APP_KEY=${appKey}\nRTC_FROM=${from}\n` +
      `VOLCENGINE_ACCESS_KEY=${credentials.accessKeyId}\nVOLCENGINE_SECRET_KEY=${credentials.secretAccessKey}\n` +
      (url === undefined ? '' : `RTC_CALLBACK_SECRETS=${secret}\n`) +
      (credentials.sessionToken ? `VOLCENGINE_SESSION_TOKEN=${credentials.sessionToken}\n` : '') +
      `# Join a room: ws${endpoint.slice(4)}/rooms/room-1?userId=alice (outside of rooms: /users?userId=alice)\n` +
      `# What was received: ${endpoint}/__emulator/rooms/room-1/users/alice/received\n`,
  );
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void emulator.close());
}
