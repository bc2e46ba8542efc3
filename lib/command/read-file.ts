import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';

/**
 * Reads a file that an option names.
 * @param option such as `--file`
 * @throws Error that names both
 */
export function readFile(option: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new Error(`${option} ${file}: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * Reads a text file that an option names, without the byte order mark that editors of Windows begin it with.
 * @param advice what to do about a file that is no text
 * @throws Error that names both
 */
export function readText(option: string, file: string, advice: string): string {
  const bytes = readFile(option, file);
  if (!isUtf8(bytes)) throw new TypeError(`${option} ${file}: it is not UTF-8 text; ${advice}`);
  return new TextDecoder().decode(bytes);
}
