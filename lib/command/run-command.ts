import { type Command, InvalidArgumentError } from 'commander';

/** Has a command say what is wrong in one line, whoever finds it. Subcommands that are made later take that over. */
export function withOneLineErrors(command: Command): Command {
  return command.configureOutput({
    outputError: (text) => {
      const words = text.trim().replace(/^error: /, '');
      reportFailure(command, new Error(words.replaceAll(/\s*\n\s*/g, ' ')));
    },
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
  process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
    // The reader has what it wanted: `| head -1`.
    if (code === 'EPIPE') return;
    process.stderr.write(`${command.name()}: the output can't be written (${code})\n`);
    process.exitCode = 1;
  });
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
