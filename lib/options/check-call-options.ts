import { MAX_LISTED } from '../dto/field-rules.js';
import { RtcValidationError } from '../errors/rtc-validation.error.js';
import type { OptionValues } from './option-table.js';
import { readOptions } from './read-options.js';

/**
 * The options of a call, with their defaults.
 * @param path of the options as a whole, for the issues; '' where they are the request itself
 * @throws RtcValidationError naming the first options that can't be used
 */
export function checkCallOptions<const Table extends object>(
  table: Table,
  given: unknown,
  path = 'options',
): OptionValues<Table> {
  const { values, problems } = readOptions(table, given, path, undefined, undefined, path || 'request');
  if (problems.length === 0) return values;
  const listed = problems.slice(0, MAX_LISTED);
  throw new RtcValidationError(listed.map(({ option, message }) => ({ path: option, message })));
}
