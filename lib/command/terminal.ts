import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { parseEnv, styleText } from 'node:util';
import { readText } from './read-file.js';

type Style = Parameters<typeof styleText>[0];

/** Colours what is shown at a terminal, unless `NO_COLOR` is set. */
export function styled(style: Style, text: string): string {
  return process.stdout.isTTY && !process.env['NO_COLOR'] ? styleText(style, text) : text;
}

/**
 * Reads variables that are not set yet from a file. (Node takes an argument `--env-file` for its own, wherever it stands.)
 * @param file default: `.env`, if there is one
 * @returns whether a file was read
 * @throws Error when the file that was named can't be read
 */
export function loadEnvironment(file?: string): boolean {
  if (file === undefined && !existsSync('.env')) return false;
  const variables = parseEnv(readText(file === undefined ? 'the current folder' : '--env', file ?? '.env'));
  for (const [name, value] of Object.entries(variables)) process.env[name] ??= value;
  return true;
}

/** Said where settings are missing and no file was read. */
export function noEnvironment(): string {
  return `there is no .env in ${process.cwd()}; --env names another file`;
}

/**
 * Asks before something that can't be taken back.
 * @throws Error when there is no one to ask
 */
export async function isConfirmed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new Error(`${question} There is no terminal to ask at: --yes says so.`);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new AbortController();
  terminal.once('close', () => closed.abort());
  // Ctrl-C ends the command, as it does without a question.
  terminal.once('SIGINT', () => {
    terminal.close();
    process.kill(process.pid, 'SIGINT');
  });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `, closed)).trim());
  } catch {
    return false;
  } finally {
    terminal.close();
  }
}
