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
