import { existsSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { CALLBACK_OPTIONS } from '../callbacks/callback-settings.js';
import { variables } from '../config/module-option-table.js';
import { meantBy } from '../options/read-options.js';
import { withVariable } from '../options/read-variables.js';
import { readFile } from './read-file.js';

/** What may be wrong with the variables. It has their names alone, since values may be secret. */
export interface EnvironmentNotes {
  /** What should be mended. */
  readonly warnings: readonly string[];
  /** Said only if the settings are incomplete. */
  readonly missing: readonly string[];
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
export function loadEnvironment(named?: string): EnvironmentNotes {
  const missing =
    named === undefined && !existsSync('.env') ? ['there is no .env in this folder; --env names a file'] : [];
  const written = missing.length > 0 ? {} : parseEnv(readText(named ?? '.env'));
  const hidden = KNOWN.filter(
    (name) => written[name] && (process.env[name] ?? written[name]) !== written[name],
  );
  for (const [name, value] of Object.entries(written)) process.env[name] ??= value;
  const warnings = hidden.map((name) => `${name} of the environment hides that of ${named ?? '.env'}`);
  const unset = KNOWN.filter((name) => !process.env[name]);
  for (const name of Object.keys(process.env)) {
    const meant = KNOWN.includes(name) ? undefined : meantBy(name, unset);
    if (meant !== undefined && /^(rtc|volc\w*)_/i.test(name))
      warnings.push(`${name} is not a variable of this library; did you mean ${meant}?`);
  }
  return { warnings, missing };
}

/** The text of a file. Editors of Windows begin it with a byte order mark. */
function readText(file: string): string {
  return readFile('--env', file)
    .toString()
    .replace(/^\ufeff/, '');
}
