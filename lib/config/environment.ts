import { describeOptions } from '../options/option-table.js';
import type { Environment } from '../options/read-options.js';
import { MODULE_OPTIONS } from './module-options.js';

/** The environment variable of each option that has one, by the option's path. */
export const VARIABLES: Readonly<Record<string, string>> = Object.fromEntries(
  describeOptions(MODULE_OPTIONS).flatMap(({ option, variable }) =>
    variable === undefined ? [] : [[option, variable]],
  ),
);

type Variables = Readonly<Record<string, string | undefined>>;

/** Picks this module's variables, without the access key: what is printed holds no secret. */
export function readEnvironment(variables: Variables): Environment {
  return pick(variables, (path) => !isSecret(path));
}

/** The access key of the environment, for whoever keeps it where no one prints it. */
export function readSecrets(variables: Variables): Environment {
  return pick(variables, isSecret);
}

function isSecret(path: string): boolean {
  return path.startsWith('credentials.');
}

function pick(variables: Variables, isWanted: (path: string) => boolean): Environment {
  const environment = Object.create(null) as Record<string, string>;
  for (const [path, variable] of Object.entries(VARIABLES)) {
    // One that is not set is not to be had from a changed Object.prototype either.
    const value = Object.hasOwn(variables, variable) ? variables[variable] : undefined;
    if (value && isWanted(path)) environment[path] = value;
  }
  return environment;
}
