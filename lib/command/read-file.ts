import { readFileSync } from 'node:fs';

const PROBLEMS: ReadonlyMap<string | undefined, string> = new Map([
  ['ENOENT', 'is not there'],
  ['EISDIR', 'is a folder'],
  ['EACCES', 'may not be read by this user'],
]);

/**
 * Reads a file that an option names.
 * @param option such as `--file`
 * @throws Error that says in words what is wrong with it
 */
export function readFile(option: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(`${option}: ${file} ${PROBLEMS.get(code) ?? `can't be read (${code})`}`, {
      cause: error,
    });
  }
}

/** By its byte order mark. Editors and shells of Windows write such files. */
const ENCODINGS: readonly (readonly [mark: string, encoding: string])[] = [
  ['fffe', 'utf-16le'],
  ['feff', 'utf-16be'],
];

/**
 * Reads a file of text in UTF-8, or in UTF-16 with a byte order mark. The mark is left out.
 * @throws Error that says in words what is wrong with it
 */
export function readText(option: string, file: string): string {
  const bytes = readFile(option, file);
  const mark = bytes.subarray(0, 2).toString('hex');
  const encoding = ENCODINGS.find(([start]) => start === mark)?.[1] ?? 'utf-8';
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
    // UTF-16 without a mark is well-formed UTF-8, too.
    if (!text.includes('\0')) return text;
  } catch {
    // Said below.
  }
  throw new Error(`${option}: ${file} is not text in UTF-8`);
}
