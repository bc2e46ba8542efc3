import { type Command, InvalidArgumentError } from 'commander';

/** Has a command say what is wrong in one line, whoever finds it. Subcommands that are made later take that over. */
export function withOneLineErrors(command: Command): Command {
  return command.configureOutput({
    outputError: (text, write) =>
      write(
        `${command.name()}: ${text
          .trim()
          .replace(/^error: /, '')
          .replaceAll(/\s*\n\s*/g, ' ')}\n`,
      ),
  });
}

/** Runs a command with the arguments of this process, and sets its exit code. */
export async function runCommand(command: Command): Promise<void> {
  try {
    await command.parseAsync();
  } catch (error) {
    process.stderr.write(`${command.name()}: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}

/** Reads the value of an option. @throws InvalidArgumentError, which names the option */
export function readNumber(value: string): number {
  const number = Number(value);
  if (value.trim() === '' || Number.isNaN(number)) throw new InvalidArgumentError('It must be a number.');
  return number;
}
