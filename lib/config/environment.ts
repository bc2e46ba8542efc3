import { describeOptions } from '../options/option-table.js';
import type { Environment } from '../options/read-options.js';
import { MODULE_OPTIONS } from './module-option-table.js';

const WITH_VARIABLE = describeOptions(MODULE_OPTIONS).filter(({ variable }) => variable !== undefined);

/** The environment variable of each option that has one, by the option's path. */
export const VARIABLES: Readonly<Record<string, string>> = Object.fromEntries(
  WITH_VARIABLE.map(({ option, variable = '' }) => [option, variable]),
);

type Variables = Readonly<Record<string, string | undefined>>;

/** Picks this module's variables, without the secrets: what is printed holds none. */
export function readEnvironment(variables: Variables): Environment {
  return pick(variables, false);
}

/** The secrets of the environment, for whoever keeps them where no one prints them. */
export function readSecrets(variables: Variables): Environment {
  return pick(variables, true);
}

function pick(variables: Variables, areSecret: boolean): Environment {
  const environment = Object.create(null) as Record<string, string>;
  for (const { option, variable = '', redacted } of WITH_VARIABLE) {
    // One that is not set is not to be had from a changed Object.prototype either.
    const value = Object.hasOwn(variables, variable) ? variables[variable] : undefined;
    if (value && redacted === areSecret) environment[option] = value;
  }
  return environment;
}
