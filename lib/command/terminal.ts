import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';

/**
 * Asks before something that can't be taken back.
 * @throws Error when there is no one to ask
 */
export async function isConfirmed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new Error(`${question} There is no terminal to ask at: --yes says so.`);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // Ctrl-C ends the command, as it does without a question.
  terminal.once('SIGINT', () => {
    terminal.close();
    process.kill(process.pid, 'SIGINT');
  });
  // Ctrl-D closes the terminal. Some versions of Node leave the question unanswered then, and some reject it.
  const answered = terminal.question(`${question} [y/N] `).catch(() => '');
  const answer = await Promise.race([answered, once(terminal, 'close')]);
  terminal.close();
  return /^y(es)?$/i.test(String(answer).trim());
}
