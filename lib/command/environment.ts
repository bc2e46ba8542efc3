import { existsSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { CALLBACK_OPTIONS } from '../callbacks/callback-settings.js';
import { variables } from '../config/environment.js';
import { meantBy } from '../options/read-options.js';
import { withVariable } from '../options/read-variables.js';
import { readText } from './read-file.js';

type Variables = Readonly<Record<string, string | undefined>>;

/** Where a command's settings come from. */
export interface Environment {
  /** The file of variables. Undefined if there was none. */
  readonly file: string | undefined;
  /** Its variables. */
  readonly written: Variables;
  /** Those that were set before. They win. */
  readonly set: Variables;
}

const KNOWN = [
  ...Object.values(variables()),
  ...withVariable(CALLBACK_OPTIONS).map(({ variable = '' }) => variable),
];

/**
 * Reads variables that are not set yet from a file. (Node takes an argument `--env-file` for its own, wherever it stands.)
 * @param named default: `.env`, if there is one
 * @throws Error when the file that was named can't be read
 */
export function loadEnvironment(named?: string): Environment {
  const set = { ...process.env };
  const file = named ?? (existsSync('.env') ? '.env' : undefined);
  if (file === undefined) return { file, written: {}, set };
  const written = parseEnv(readText(named === undefined ? 'the current folder' : '--env', file));
  for (const [name, value] of Object.entries(written)) process.env[name] ??= value;
  return { file, written, set };
}

/**
 * What may be wrong with the variables. It has their names alone, since values may be secret.
 * @param isUnset whether the settings are incomplete
 */
export function notesOn({ file, written, set }: Environment, isUnset: boolean): string[] {
  const used: Variables = { ...written, ...set };
  const where = file ?? 'the environment';
  const notes: string[] = [];
  if (isUnset && file === undefined)
    notes.push(`there is no .env in ${process.cwd()}; --env names another file`);
  if (isUnset && file !== undefined && !KNOWN.some((name) => name in written))
    notes.push(`${file} has no variable of this library; a line of it is NAME=value`);
  for (const name of KNOWN) {
    const value = used[name];
    if (value === undefined) continue;
    if (written[name] && value !== written[name])
      notes.push(`${name} of the environment ${value === '' ? 'is empty and ' : ''}hides that of ${file}`);
    if (value.includes('\n')) notes.push(`${name} has several lines: a quotation mark may be left open`);
    else if (/^["'`]|["'`]$/.test(value))
      notes.push(`${name} begins or ends with a quotation mark, which is taken for a part of the value`);
  }
  const unset = KNOWN.filter((name) => !used[name]);
  for (const name of Object.keys(used)) {
    if (!/^(rtc|volc\w*)_/i.test(name) || KNOWN.includes(name)) continue;
    const meant = meantBy(name, unset);
    if (meant !== undefined) notes.push(`${name} is not a variable of this library; did you mean ${meant}?`);
    else if (name in written && name.startsWith('RTC_'))
      notes.push(`${name} of ${where} is not a variable of this library`);
  }
  return notes;
}

/**
 * Does what needs the settings. If it fails, its error says what may be wrong with the variables, too.
 */
export async function withEnvironment<T>(environment: Environment, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    if (error instanceof Error) {
      const { code } = error as { readonly code?: string };
      error.message = [error.message, ...notesOn(environment, code === 'RTC_CONFIG')].join('\n  - ');
    }
    throw error;
  }
}
