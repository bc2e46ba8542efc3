import { describeOptions } from '../options/option-table.js';
import type { Environment } from '../options/read-options.js';
import { MODULE_OPTIONS } from './module-option-table.js';

const WITH_VARIABLE = describeOptions(MODULE_OPTIONS).filter(({ variable }) => variable !== undefined);

/** The environment variable of each option that has one, by the option's path. */
export const VARIABLES: Readonly<Record<string, string>> = Object.fromEntries(
  WITH_VARIABLE.map(({ option, variable = '' }) => [option, variable]),
);

type Variables = Readonly<Record<string, string | undefined>>;

/** Reads this module's variables without the secrets, so that the result may be printed. */
export function readEnvironment(variables: Variables): Environment {
  return pick(variables, false);
}

/** Reads the secrets from the environment. The caller keeps them where nothing prints them. */
export function readSecrets(variables: Variables): Environment {
  return pick(variables, true);
}

function pick(variables: Variables, areSecret: boolean): Environment {
  const environment = Object.create(null) as Record<string, string>;
  for (const { option, variable = '', redacted } of WITH_VARIABLE) {
    // A variable that is not set must not come from a changed Object.prototype.
    const value = Object.hasOwn(variables, variable) ? variables[variable] : undefined;
    if (value && redacted === areSecret) environment[option] = value;
  }
  return environment;
}
