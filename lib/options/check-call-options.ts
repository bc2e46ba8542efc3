import { RtcValidationError } from '../errors/rtc-validation.error.js';
import type { OptionValues } from './option-table.js';
import { readOptions } from './read-options.js';

/**
 * Checks the options of a call and adds defaults.
 * @param path prefix of the options in issues
 * @throws RtcValidationError naming each invalid option
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
