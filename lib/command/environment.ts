import { existsSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { CALLBACK_OPTIONS } from '../callbacks/callback-settings.js';
import { variables } from '../config/module-option-table.js';
import { meantBy } from '../options/read-options.js';
import { withVariable } from '../options/read-variables.js';
import { readText } from './read-file.js';

const KNOWN = [
  ...Object.values(variables()),
  ...withVariable(CALLBACK_OPTIONS).map(({ variable = '' }) => variable),
];

/**
 * Reads variables that are not set yet from a file. (Node takes an argument `--env-file` for its own, wherever it stands.)
 * @param named default: `.env`, if there is one
 * @returns what may be wrong with the variables: their names alone, since values may be secret
 * @throws Error when the file that was named can't be read
 */
export function loadEnvironment(named?: string): string[] {
  const { env } = process;
  const file = named ?? '.env';
  const isThere = named !== undefined || existsSync(file);
  const written = isThere ? parseEnv(readText('--env', file, 'save it as UTF-8')) : {};
  const hidden = KNOWN.filter((name) => written[name] && (env[name] ?? written[name]) !== written[name]);
  const notes = hidden.map((name) => `${name} of the environment hides that of ${file}`);
  for (const [name, value] of Object.entries(written)) env[name] ??= value;
  // The first variable that anybody sets.
  if (!isThere && !env['RTC_APP_ID']) notes.push('there is no .env in this folder; --env names a file');
  const unset = KNOWN.filter((name) => !env[name]);
  for (const name of Object.keys(env).filter((name) => /^(rtc|volc\w*)_/i.test(name))) {
    const meant = KNOWN.includes(name) ? undefined : meantBy(name, unset);
    if (meant) notes.push(`${name} is not a variable of this library; did you mean ${meant}?`);
  }
  return notes;
}
