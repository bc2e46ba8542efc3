import type { ConfigProblem } from '../errors/rtc-config.error.js';
import { Redacted } from '../privacy/redacted.js';
import { type AnyOption, describeOptions, join, type OptionValues, rowsOf } from './option-table.js';
import { readProperties, UNREADABLE } from './read-properties.js';
import { type Checked, isArray, printableName, typeName, wrong } from './rules.js';

/** Texts of variables by the option's path, such as `quota.maxQueue`. No prototype. An empty text counts as not set. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** How options are read, other than by their table. */
export interface ReadingOptions {
  /** Default: none. */
  readonly environment?: Environment;
  /** Message for account options that are set to undefined, if that is not allowed. */
  readonly noUndefined?: string | undefined;
  /** Name of the options as a whole. Default: their path, or `options`. */
  readonly whole?: string;
}

const NO_ENVIRONMENT: Environment = Object.freeze(Object.create(null) as Environment);

export interface ReadOptions<Table> {
  /** The values. A missing or invalid option has its default or undefined, even if it is required. */
  readonly values: OptionValues<Table>;
  /** The problems. The caller adds those that concern several options. */
  readonly problems: ConfigProblem[];
}

/**
 * Reads options over the environment over the defaults, and returns a copy. Undefined counts as not set. An unknown
 * name is a problem, since it would be ignored.
 * @param given of any type
 * @param path prefix of the options in problems
 */
export function readOptions<const Table extends object>(
  table: Table,
  given: unknown,
  path = '',
  { environment = NO_ENVIRONMENT, noUndefined, whole = path || 'options' }: ReadingOptions = {},
): ReadOptions<Table> {
  const { own, problems } = ownOptions(given, table, path, whole);
  const values: Record<string, unknown> = {};
  for (const [name, row] of rowsOf(table)) {
    const place = join(path, name);
    if (noUndefined && row.ofAccount && Object.hasOwn(own, name) && own[name] === undefined) {
      problems.push({ option: place, message: noUndefined });
    } else {
      values[name] = readOption(row, own, name, place, environment, problems);
    }
  }
  return { values: values as OptionValues<Table>, problems };
}

function ownOptions(
  given: unknown,
  table: object,
  path: string,
  all: string,
): { own: Readonly<Record<string, unknown>>; problems: ConfigProblem[] } {
  const names = Object.keys(table);
  const problem = objectProblem(given);
  const own = problem === undefined ? readProperties(given as object, names) : undefined;
  if (own === undefined) {
    const none = Object.create(null) as Record<string, unknown>;
    return { own: none, problems: [{ option: all, message: problem ?? UNREADABLE }] };
  }
  const unknown = Object.keys(own).filter((name) => !names.includes(name));
  const problems = unknown.map((name) => ({
    option: join(path, printableName(name)),
    message: `is not ${all === 'request' ? 'a known property' : 'an option'}; ${suggestion(name, table)}`,
  }));
  return { own, problems };
}

const { toString: toText } = Object.prototype;

/** The problem with what is no object of fields. Contents that are not in its properties would be ignored. */
function objectProblem(given: unknown): string | undefined {
  if (typeof given !== 'object' || given === null || isArray(given))
    return `must be an object, got ${typeName(given)}`;
  try {
    const kind = toText.call(given);
    // A module: `import * as options`.
    if (!/^\[object (Object|Module)\]$/.test(kind))
      return `must be a plain object, got ${printableName(kind)}`;
  } catch {
    // A proxy throws. Reading its properties says so.
  }
  return undefined;
}

/** @param problems receives those of the option */
function readOption(
  { options, optional, rule, variable, default: fallback, required, redacted }: AnyOption,
  siblings: Readonly<Record<string, unknown>>,
  name: string,
  path: string,
  environment: Environment,
  problems: ConfigProblem[],
): unknown {
  const given = siblings[name];
  if (options !== undefined) {
    if (optional && given === undefined) return undefined;
    const inner = readOptions(options, given === undefined ? {} : given, path, { environment });
    problems.push(...inner.problems);
    return inner.values;
  }
  const isVariable = given === undefined;
  const value = isVariable ? fromEnvironment(path, variable, environment) : given;
  const isEmpty = isVariable && value === '';
  let checked: Checked<unknown> | undefined;
  try {
    checked =
      value === undefined || isEmpty
        ? required && wrong(isEmpty ? 'is empty' : 'is missing')
        : rule?.(value, isVariable, siblings);
  } catch {
    checked = wrong(UNREADABLE);
  }
  if (checked === undefined) return fallback;
  if ('value' in checked) return redacted ? new Redacted(checked.value, path) : checked.value;
  for (const { option, message } of checked.problems) {
    const ofPart = typeof variable === 'object' ? variable[option] : variable;
    problems.push({ option: join(path, option), variable: ofPart, message });
  }
  return fallback;
}

/** The text of an option's variable, or the texts of its parts. */
function fromEnvironment(path: string, variable: AnyOption['variable'], environment: Environment): unknown {
  if (typeof variable !== 'object') return environment[path];
  return Object.fromEntries(Object.keys(variable).map((part) => [part, environment[join(path, part)]]));
}

/**
 * The values of options that are read as by {@link readOptions}.
 * @throws TypeError listing all problems, if there are any
 */
export function checkedOptions<const Table extends object>(
  table: Table,
  given: unknown,
  path = '',
  whole = path || 'options',
): OptionValues<Table> {
  const { values, problems } = readOptions(table, given, path, { whole });
  if (problems.length === 0) return values;
  throw new TypeError(problems.map(({ option, message }) => `${option}: ${message}`).join('; '));
}

/** What stands in a group or is a part of an option is often given beside it. */
function suggestion(name: string, table: object): string {
  const known = Object.keys(table);
  const inside = describeOptions(table).find(({ option }) => option.endsWith(`.${name}`));
  const meant = inside?.option ?? meantBy(name, known);
  return meant === undefined ? `there are ${known.join(', ')}` : `did you mean ${meant}?`;
}

/**
 * The known name that an unknown one was probably meant to be: equal but for case, one typing error, or a different
 * ending.
 */
export function meantBy(name: string, known: readonly string[]): string | undefined {
  const lower = name.toLowerCase();
  const isMeant = (other: string): boolean =>
    isOneSlip(other, lower) || other.startsWith(lower) || lower.startsWith(other);
  return known.find((other) => isMeant(other.toLowerCase()));
}

/** Whether the names differ by one missing, extra or wrong letter, or by two swapped letters. */
function isOneSlip(one: string, other: string): boolean {
  let same = 0;
  while (same < one.length && one[same] === other[same]) same += 1;
  const [left, right] = [one.slice(same), other.slice(same)];
  return (
    left.slice(1) === right ||
    left === right.slice(1) ||
    left.slice(1) === right.slice(1) ||
    (left.slice(0, 2) === [right[1], right[0]].join('') && left.slice(2) === right.slice(2))
  );
}
