import { RtcValidationError } from '../errors/rtc-validation.error.js';
import type { OptionValues } from './option-table.js';
import { readOptions } from './read-options.js';
import { MAX_LISTED } from './rules.js';

/**
 * Checks the options of a call and adds defaults.
 * @param path prefix of the options in issues; '' if they are the request itself
 * @throws RtcValidationError naming the first invalid options
 */
export function checkCallOptions<const Table extends object>(
  table: Table,
  given: unknown,
  path = 'options',
): OptionValues<Table> {
  const whole = path || 'request';
  const { values, problems } = readOptions(table, given, path, { whole });
  if (problems.length === 0) return values;
  // Of what is no object, nothing is missing.
  const listed = problems.slice(0, problems[0]?.option === whole ? 1 : MAX_LISTED);
  throw new RtcValidationError(listed.map(({ option, message }) => ({ path: option, message })));
}
