import type { Environment } from '../options/read-options.js';
import { readVariables, withVariable } from '../options/read-variables.js';
import { MODULE_OPTIONS } from './module-option-table.js';

/** The environment variable of each option that has one, by the option's path. */
export function variables(): Readonly<Record<string, string>> {
  return Object.fromEntries(
    withVariable(MODULE_OPTIONS).map(({ option, variable = '' }) => [option, variable]),
  );
}

type Variables = Readonly<Record<string, string | undefined>>;

/** Reads this module's variables without the secrets, so that the result may be printed. */
export function readEnvironment(variables: Variables): Environment {
  return readVariables(MODULE_OPTIONS, variables, '', false);
}

/** Reads the secrets from the environment. The caller keeps them where nothing prints them. */
export function readSecrets(variables: Variables): Environment {
  return readVariables(MODULE_OPTIONS, variables, '', true);
}
