import type { Command } from 'commander';
import { loadEnvironment, withEnvironment } from './environment.js';
import { readFile } from './read-file.js';
import { printJson } from './run-command.js';
import { isConfirmed, styled } from './terminal.js';

interface SendArguments {
  readonly room: string;
  readonly to: readonly string[];
  readonly text?: string;
  readonly file?: string;
  readonly binary?: true;
  readonly from?: string;
  readonly yes?: true;
  readonly json?: true;
  readonly env?: string;
}

export function defineSend(command: Command): Command {
  return command
    .description('Sends a message to users in a room.')
    .requiredOption('--room <id>', 'room of the users')
    .requiredOption('--to <users...>', 'IDs of the users')
    .option('--text <text>', 'text of the message')
    .option('--file <file>', 'file with the text of the message')
    .option('--binary', 'send the file as bytes')
    .option('--from <id>', 'sender that clients see (default: RTC_FROM)')
    .option('--yes', 'send to another machine without asking')
    .option('--json', 'print { ok, receipt } or { ok, error }')
    .option('--env <file>', 'file with variables (default: .env)')
    .action(send);
}

async function send({ room, to, from, yes, json, env, ...content }: SendArguments): Promise<void> {
  const message = readMessage(content);
  const environment = loadEnvironment(env);
  const { sendMessage } = await import('./send-message.js');
  const users = to.length === 1 ? '1 user' : `${to.length} users`;
  const mayLeave = async (host: string): Promise<boolean> =>
    yes === true || isConfirmed(`This sends to ${users} at ${host}. Go on?`);
  const receipt = await withEnvironment(environment, () =>
    sendMessage({ from }, { roomId: room, to, message }, mayLeave),
  );
  if (receipt === undefined) throw new Error('Nothing was sent.');
  if (json) return printJson({ ok: true, receipt });
  process.stdout.write(
    `${styled('green', '✔')} Accepted for ${users} (request ${receipt.requestId}). ` +
      'Users who are not in the room receive nothing.\n',
  );
}

/** @throws TypeError when there is none, or two */
function readMessage({
  text,
  file,
  binary,
}: Pick<SendArguments, 'text' | 'file' | 'binary'>): string | Uint8Array {
  if (text === undefined && file === undefined) throw new TypeError('give --text or --file');
  if (text !== undefined && file !== undefined) throw new TypeError('give --text or --file, not both');
  if (text !== undefined && binary) throw new TypeError('--binary is for --file');
  if (file === undefined) return text ?? '';
  const bytes = readFile('--file', file);
  if (binary) return bytes;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new TypeError(`${file} is not UTF-8 text; --binary sends it as bytes`);
  }
}
