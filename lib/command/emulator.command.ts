import type { Command } from 'commander';
import { EVENT_CALLBACK } from '../emulator/callback-url.js';
import type { RtcEmulatorOptions } from '../emulator/rtc-emulator-options.js';
import { readFile } from './read-file.js';
import { readNumber } from './run-command.js';

const readMegabytes = (value: string): number => readNumber(value) * 1_048_576;
const readQuota = (value: string): number => (value === 'none' ? Infinity : readNumber(value));
const readPem = (file: string): string => readFile('--tls-cert and --tls-key:', file).toString();

/**
 * Options of the emulator, each with that of the command. Keys may be flags, since they open nothing else. Of two keys of
 * one option, a flag may set one alone: they have their defaults here.
 */
const OPTIONS: readonly (readonly [string, string, string, ((value: string) => unknown)?, unknown?])[] = [
  ['port', '--port <port>', 'port to listen on; 0 for any free one', readNumber, 8787],
  ['host', '--host <address>', 'address to listen on (default: 127.0.0.1)'],
  ['appId', '--app-id <id>', 'ID of the app (default: emulator-app)'],
  ['appKey', '--app-key <key>', 'key of the app (default: emulator-app-key)'],
  ['requireTokens', '--require-tokens', 'refuse clients that join or log in without a token'],
  ['credentials.accessKeyId', '--access-key <id>', 'access key', String, 'emulator-access-key'],
  ['credentials.secretAccessKey', '--secret-key <key>', 'its secret', String, 'emulator-secret-key'],
  ['credentials.sessionToken', '--session-token <token>', 'session token of a temporary access key'],
  ['quota.requestsPerSecond', '--quota <number>', 'requests a second, or none (default: 500)', readQuota],
  ['quota.costPer', '--cost-per <what>', 'what counts as one: request or recipient (default: request)'],
  ['quota.window', '--window <kind>', 'how a second is counted: sliding or fixed (default: sliding)'],
  ['roomMessagesPerSecond', '--room-limit <number>', 'messages a second into each room', readNumber],
  ['callbacks.url', '--callback-url <url>', 'URL that receives events of rooms (default: none)'],
  ['callbacks.secret', '--callback-secret <secret>', 'secret that events are signed with'],
  ['keepBytes', '--keep <megabytes>', 'memory for requests and messages (default: 512)', readMegabytes],
  ['allowedHosts', '--allow-host <names...>', 'other host names of the emulator'],
  ['allowedOrigins', '--allow-origin <origins...>', 'origins whose web pages may use it'],
  ['tls.cert', '--tls-cert <file>', 'certificate to serve over TLS with, in PEM; needs --tls-key', readPem],
  ['tls.key', '--tls-key <file>', 'private key of the certificate, in PEM', readPem],
];

/** Has a command serve the emulated service. */
export function defineEmulator(command: Command): Command {
  command.description('Serves the messaging and presence actions of the RTC API on this machine.');
  const options = OPTIONS.map(([path, flags, what, read, byDefault]) => {
    const option = command.createOption(flags, what).default(byDefault);
    command.addOption(read === undefined ? option : option.argParser(read));
    return [path, option.attributeName()] as const;
  });
  return command.action((given: Readonly<Record<string, unknown>>) => {
    const nested: Record<string, unknown> = {};
    for (const [path, attribute] of options.filter(([, attribute]) => attribute in given)) {
      const [name = '', part] = path.split('.');
      nested[name] =
        part === undefined ? given[attribute] : { ...Object(nested[name]), [part]: given[attribute] };
    }
    return serve(nested);
  });
}

async function serve(options: RtcEmulatorOptions): Promise<void> {
  const { RtcEmulator } = await import('../emulator/index.js');
  const emulator = await RtcEmulator.start(options).catch((error: NodeJS.ErrnoException): never => {
    if (error.code !== 'EADDRINUSE') throw error;
    throw new Error(`Port ${options.port} is in use, perhaps by another emulator; --port takes another one.`);
  });
  const { appId, appKey, from, endpoint, credentials } = emulator.moduleOptions();
  const { secret = EVENT_CALLBACK.secret.default } = options.callbacks ?? {};
  process.stdout.write(
    `# The emulator listens on ${endpoint} until Ctrl-C.\n# Variables of an app that uses it:\n` +
      `RTC_ENDPOINT=${endpoint}\nRTC_APP_ID=${appId}\nRTC_APP_KEY=${appKey}\nRTC_FROM=${from}\n` +
      `VOLCENGINE_ACCESS_KEY=${credentials.accessKeyId}\nVOLCENGINE_SECRET_KEY=${credentials.secretAccessKey}\n` +
      (options.callbacks ? `RTC_CALLBACK_SECRETS=${secret}\n` : '') +
      (credentials.sessionToken ? `VOLCENGINE_SESSION_TOKEN=${credentials.sessionToken}\n` : '') +
      `# Join a room: ws${endpoint.slice(4)}/rooms/room-1?userId=alice (outside of rooms: /users?userId=alice)\n` +
      `# What was received: ${endpoint}/__emulator/rooms/room-1/users/alice/received\n`,
  );
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void emulator.close());
}
