import { createInterface } from 'node:readline/promises';
import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** Colours what is shown at a terminal, unless `NO_COLOR` is set. */
export function styled(style: Style, text: string): string {
  return process.stdout.isTTY && !process.env['NO_COLOR'] ? styleText(style, text) : text;
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
