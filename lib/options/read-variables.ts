import { describeOptions, type DescribedOption } from './option-table.js';
import type { Environment } from './read-options.js';

/** The options of a table that have an environment variable. */
export function withVariable(table: object, path?: string): DescribedOption[] {
  return describeOptions(table, path).filter(({ variable }) => variable !== undefined);
}

/**
 * Reads a table's variables.
 * @param variables such as `process.env`
 * @param path prefix of the options
 * @param areSecret whether the secrets are read alone, or left out. By default, all are read.
 */
export function readVariables(
  table: object,
  variables: Readonly<Record<string, string | undefined>>,
  path?: string,
  areSecret?: boolean,
): Environment {
  const environment = Object.create(null) as Record<string, string>;
  for (const { option, variable = '', redacted } of withVariable(table, path)) {
    // A variable that is not set must not come from a changed Object.prototype.
    const value = Object.hasOwn(variables, variable) ? variables[variable] : undefined;
    if (value !== undefined && (areSecret ?? redacted) === redacted) environment[option] = value;
  }
  return environment;
}
