import { createInterface } from 'node:readline/promises';

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
