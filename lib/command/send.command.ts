import type { Command } from 'commander';
import { readFile } from './read-file.js';
import { isConfirmed, loadEnvironment, noEnvironment, styled } from './terminal.js';

interface SendArguments {
  readonly room: string;
  readonly to: readonly string[];
  readonly text?: string;
  readonly file?: string;
  readonly binary?: true;
  readonly yes?: true;
  readonly json?: true;
  readonly env?: string;
}

export function defineSend(command: Command): Command {
  return command
    .description('Sends a message to users in a room.')
    .requiredOption('--room <id>', 'that they are in')
    .requiredOption('--to <users...>', 'their IDs')
    .option('--text <text>', 'to send')
    .option('--file <file>', 'to send, as text')
    .option('--binary', 'sends the file as bytes')
    .option('--yes', 'does not ask before sending to a service that is not on this machine')
    .option('--json', 'prints the receipt, or the error')
    .option('--env <file>', 'with variables; .env unless it is given')
    .action(send);
}

async function send({ room, to, yes, json, env, ...content }: SendArguments): Promise<void> {
  const message = readMessage(content);
  const isRead = loadEnvironment(env);
  const { sendMessage } = await import('./send-message.js');
  const request = { roomId: room, to, message };
  const mayLeave = async (host: string): Promise<boolean> =>
    yes === true ||
    isConfirmed(`This sends to ${to.length === 1 ? '1 user' : `${to.length} users`} at ${host}. Go on?`);
  const sent = await sendMessage({}, request, mayLeave);
  if (sent === undefined) throw new Error('Nothing was sent.');
  const { receipt, error } = sent;
  const isUnset = error?.code === 'RTC_CONFIG' && !isRead;
  const words = isUnset ? `${sent.words}\n  - ${noEnvironment()}` : sent.words;
  if (json) process.stdout.write(`${JSON.stringify(receipt ?? error, null, 2)}\n`);
  else if (receipt === undefined) process.stderr.write(`${styled('red', '✖')} ${words}\n`);
  else process.stdout.write(`${styled('green', '✔')} ${words}\n`);
  if (sent.isInterrupted) process.exitCode = 130;
  else if (error !== undefined) process.exitCode = error.outcome === 'unknown' ? 2 : 1;
}

/** @throws TypeError when there is none, or two */
function readMessage({
  text,
  file,
  binary,
}: Pick<SendArguments, 'text' | 'file' | 'binary'>): string | Uint8Array {
  if ((text === undefined) === (file === undefined)) throw new TypeError('give --text or --file');
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
