import { RtcValidationError } from '../errors/rtc-validation.error.js';
import type { OptionValues } from './option-table.js';
import { readOptions } from './read-options.js';

/**
 * The options of a call, with their defaults.
 * @param path of the options as a whole, for the issues
 * @throws RtcValidationError naming each option that can't be used
 */
export function checkCallOptions<const Table extends object>(
  table: Table,
  given: unknown,
  path = 'options',
): OptionValues<Table> {
  const { values, problems } = readOptions(table, given, path);
  if (problems.length === 0) return values;
  throw new RtcValidationError(problems.map(({ option, message }) => ({ path: option, message })));
}
