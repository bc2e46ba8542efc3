import { type Command, InvalidArgumentError } from 'commander';
import { type EnvironmentNotes, loadEnvironment } from './environment.js';

/** Has a command say what is wrong in one line, whoever finds it. Subcommands that are made later take that over. */
export function withOneLineErrors(command: Command): Command {
  return command.configureOutput({
    outputError: (text) => {
      const words = text.trim().replace(/^error: /, '');
      reportFailure(command, new Error(words.replaceAll(/\s*\n\s*/g, ' ')));
    },
  });
}

/** Has a command read a file of variables. If it fails, its error says what may be wrong with these, too. */
export function withEnvironment<Arguments>(
  command: Command,
  action: (given: Arguments, notes: EnvironmentNotes) => Promise<void>,
): Command {
  return command
    .option('--json', 'print one object with its results, or { ok, error }')
    .option('--env <file>', 'file with variables (default: .env)')
    .action(async (given: Arguments & { readonly env?: string }) => {
      const notes = loadEnvironment(given.env);
      try {
        await action(given, notes);
      } catch (error) {
        if (error instanceof Error) {
          const { code } = error as { readonly code?: string };
          const missing = code === 'RTC_CONFIG' ? notes.missing : [];
          error.message = [error.message, ...missing, ...notes.warnings].join('\n  - ');
        }
        throw error;
      }
    });
}

/** Says why something failed, whether or not the arguments could be read. */
function reportFailure(command: Command, error: Error): void {
  process.stderr.write(`${command.name()}: ${error.message}\n`);
  // The library's own errors have more to say.
  const shown = 'toJSON' in error ? error : { message: error.message };
  if (process.argv.includes('--json')) printJson({ ok: false, error: shown });
}

/** Prints what `--json` asks for. */
export function printJson(result: Readonly<Record<string, unknown>> & { readonly ok: boolean }): void {
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
}

/** Runs a command with the arguments of this process, and sets its exit code. */
export async function runCommand(command: Command): Promise<void> {
  try {
    await command.parseAsync();
  } catch (error) {
    reportFailure(command, error instanceof Error ? error : new Error(String(error)));
    const { code, outcome } = error as { readonly code?: string; readonly outcome?: string };
    if (code === 'RTC_ABORTED') process.exitCode = 130;
    else process.exitCode = outcome === 'unknown' ? 2 : 1;
  }
}

/** Reads the value of an option. @throws InvalidArgumentError, which names the option */
export function readNumber(value: string): number {
  const number = Number(value);
  if (value.trim() === '' || Number.isNaN(number)) throw new InvalidArgumentError('It must be a number.');
  return number;
}
