import type { Command } from 'commander';
import { styleText } from 'node:util';
import { isLoopback } from '../config/endpoint.js';
import { readFile, readText } from './read-file.js';
import { printJson, withEnvironment } from './run-command.js';
import { isConfirmed } from './terminal.js';

interface SendArguments {
  readonly room: string;
  readonly to: readonly [string, ...string[]];
  readonly text?: string;
  readonly file?: string;
  readonly binary?: true;
  readonly from?: string;
  readonly yes?: true;
  readonly json?: true;
}

export function defineSend(command: Command): Command {
  command
    .description('Sends a message to users in a room.')
    .requiredOption('--room <id>', 'room of the users')
    .requiredOption('--to <users...>', 'IDs of the users')
    .option('--text <text>', 'text of the message')
    .option('--file <file>', 'file with the text of the message')
    .option('--binary', 'send the file as bytes')
    .option('--from <id>', 'sender that clients see (default: RTC_FROM)')
    .option('--yes', 'send to another machine without asking');
  return withEnvironment(command, send);
}

async function send({ room, to, from, yes, json, ...content }: SendArguments): Promise<void> {
  const message = readMessage(content);
  const { withApp, RoomUnicastService } = await import('./with-app.js');
  const users = to.length === 1 ? '1 user' : `${to.length} users`;
  const receipt = await withApp({ from }, async (app, settings) => {
    if (settings.from === undefined)
      throw new TypeError('the sender is missing: give --from, or set RTC_FROM');
    const { host, hostname } = new URL(settings.endpoint);
    const mayLeave =
      yes || isLoopback(hostname) || (await isConfirmed(`This sends to ${users} at ${host}. Go on?`));
    if (!mayLeave) throw new Error('Nothing was sent.');
    const interrupted = new AbortController();
    const { signal } = interrupted;
    // Not before, so that Ctrl-C at the question ends the command.
    for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => interrupted.abort());
    const messages = app.get(RoomUnicastService);
    const request = { roomId: room, message };
    // To one user, a message may be longer.
    return to.length === 1
      ? messages.send({ ...request, to: to[0] }, { signal })
      : messages.batchSend({ ...request, to }, { signal });
  });
  if (json) return printJson({ ok: true, receipt });
  process.stdout.write(
    `${styleText('green', '✔')} Accepted for ${users} (request ${receipt.requestId}). ` +
      'Users who are not in the room receive nothing.\n',
  );
}

/** @throws TypeError when there is none, or two */
function readMessage({ text, file, binary }: Partial<SendArguments>): string | Uint8Array {
  if (text !== undefined && file !== undefined) throw new TypeError('give --text or --file, not both');
  if (text !== undefined && binary) throw new TypeError('--binary is for --file');
  if (text !== undefined) return text;
  if (file === undefined) throw new TypeError('give --text or --file');
  return binary ? readFile('--file', file) : readText('--file', file, '--binary sends it as bytes');
}
