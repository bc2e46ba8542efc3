import type { Command } from 'commander';
import { styleText } from 'node:util';
import { readFile } from './read-file.js';
import { printJson, withEnvironment } from './run-command.js';
import { isConfirmed } from './terminal.js';

interface SendArguments {
  readonly room: string;
  readonly to: readonly string[];
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
  const [{ withApp }, { isLoopback }] = await Promise.all([
    import('./with-app.js'),
    import('../openapi/loopback.js'),
  ]);
  const users = to.length === 1 ? '1 user' : `${to.length} users`;
  const receipt = await withApp({ from }, async ({ messages, settings }) => {
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
    const [first = ''] = to;
    // To one user, a message may be longer.
    return to.length === 1
      ? messages.send({ roomId: room, to: first, message }, { signal })
      : messages.batchSend({ roomId: room, to, message }, { signal });
  });
  if (json) return printJson({ ok: true, receipt });
  process.stdout.write(
    `${styleText('green', '✔')} Accepted for ${users} (request ${receipt.requestId}). ` +
      'Users who are not in the room receive nothing.\n',
  );
}

/** @throws TypeError when there is none, or two */
function readMessage({
  text,
  file,
  binary,
}: Pick<SendArguments, 'text' | 'file' | 'binary'>): string | Uint8Array {
  if (text !== undefined && file !== undefined) throw new TypeError('give --text or --file, not both');
  if (text !== undefined && binary) throw new TypeError('--binary is for --file');
  if (text !== undefined) return text;
  if (file === undefined) throw new TypeError('give --text or --file');
  const bytes = readFile('--file', file);
  if (binary) return bytes;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new TypeError(`${file} is not UTF-8 text; --binary sends it as bytes`);
  }
}
