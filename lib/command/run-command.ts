import { Command, InvalidArgumentError } from 'commander';
import type { RtcMessagingError } from '../errors/rtc-messaging.error.js';

/**
 * Has a command read a file of variables. If it fails, its error says what may be wrong with these, too.
 * @param action takes the arguments, and what may be wrong
 */
export function withEnvironment<Arguments>(
  command: Command,
  action: (given: Arguments, notes: readonly string[]) => Promise<void>,
): Command {
  return command
    .option('--json', 'print one object with its results, or { ok, error }')
    .option('--env <file>', 'file with variables (default: .env)')
    .action(async (given: Arguments & { readonly env?: string }) => {
      // What it knows of the module's variables loads all of Nest, which help needs nothing of.
      const { loadEnvironment } = await import('./environment.js');
      const notes = loadEnvironment(given.env);
      await action(given, notes).catch((error: unknown) => {
        if (error instanceof Error) error.message = [error.message, ...notes].join('\n  - ');
        throw error;
      });
    });
}

/** Prints what `--json` asks for. */
export function printJson(result: Readonly<Record<string, unknown>> & { readonly ok: boolean }): void {
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
}

/**
 * Runs a command with the arguments of this process, and sets its exit code. What is wrong is said in one line, whoever
 * finds it.
 */
export async function runCommand(name: string, define: (command: Command) => void): Promise<void> {
  const report = (message: string, error: object = { message }): void => {
    process.stderr.write(`${name}: ${message}\n`);
    if (process.argv.includes('--json')) printJson({ ok: false, error });
  };
  const outputError = (text: string): void =>
    report(text.replaceAll(/^error: |\s+$/g, '').replaceAll(/\s*\n\s*/g, ' '));
  // A reader such as `head` has seen enough. What the command did stands, and so does its exit code.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
  // Before its subcommands are made, which take that over.
  const command = new Command(name).configureOutput({ outputError });
  define(command);
  try {
    await command.parseAsync();
  } catch (error) {
    const { message = String(error), code, outcome } = error as Partial<RtcMessagingError>;
    // The library's own errors have more to say.
    report(message, code?.startsWith('RTC_') ? (error as object) : undefined);
    process.exitCode = code === 'RTC_ABORTED' ? 130 : outcome === 'unknown' ? 2 : 1;
  }
}

/** Reads the value of an option. @throws InvalidArgumentError, which names the option */
export function readNumber(value: string): number {
  const number = Number(value);
  if (value.trim() === '' || Number.isNaN(number)) throw new InvalidArgumentError('It must be a number.');
  return number;
}
