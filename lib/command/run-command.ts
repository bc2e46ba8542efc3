import { type Command, InvalidArgumentError } from 'commander';

/** Has a command say what is wrong in one line, whoever finds it. Subcommands that are made later take that over. */
export function withOneLineErrors(command: Command): Command {
  return command.configureOutput({
    outputError: (text) =>
      reportFailure(
        command,
        text
          .trim()
          .replace(/^error: /, '')
          .replaceAll(/\s*\n\s*/g, ' '),
      ),
  });
}

/** Says why nothing was done, whether or not the arguments could be read. */
function reportFailure(command: Command, error: string): void {
  process.stderr.write(`${command.name()}: ${error}\n`);
  if (process.argv.includes('--json'))
    process.stdout.write(`${JSON.stringify({ ok: false, error }, null, 2)}\n`);
}

/** Runs a command with the arguments of this process, and sets its exit code. */
export async function runCommand(command: Command): Promise<void> {
  try {
    await command.parseAsync();
  } catch (error) {
    reportFailure(command, error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}

/** Reads the value of an option. @throws InvalidArgumentError, which names the option */
export function readNumber(value: string): number {
  const number = Number(value);
  if (value.trim() === '' || Number.isNaN(number)) throw new InvalidArgumentError('It must be a number.');
  return number;
}
