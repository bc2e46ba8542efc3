import type { ConfigProblem } from '../errors/rtc-config.error.js';

/** Problems that an error lists at most. More would only bury the first ones. */
export const MAX_LISTED = 20;

/**
 * A checked value, or the problems with it and its parts (with paths that begin at the value). Problems never quote
 * text, which may be secret.
 */
export type Checked<T> = { readonly value: T } | { readonly problems: readonly ConfigProblem[] };

/**
 * Checks an option's value. Where it throws, as at a proxy, the value can't be read.
 * @param isVariable whether the value comes from the environment, where numbers and flags are text
 * @param siblings the options beside it, unchecked
 */
export type Rule<T> = (
  given: unknown,
  isVariable?: boolean,
  siblings?: Readonly<Record<string, unknown>>,
) => Checked<T>;

export function wrong(message: string): Checked<never> {
  return { problems: [{ option: '', message }] };
}

/** Makes a rule from a function that returns a problem or undefined. */
export const unless =
  <T>(problemOf: (given: unknown) => string | undefined): Rule<T> =>
  (given) => {
    const problem = problemOf(given);
    return problem === undefined ? { value: given as T } : wrong(problem);
  };

/** Makes a rule from its words and its test. A value that throws during the test (such as a proxy) fails it. */
export const must = <T>(be: string, holds: (given: unknown) => unknown): Rule<T> =>
  unless((given) => {
    try {
      return holds(given) ? undefined : `must be ${be}`;
    } catch {
      return `must be ${be}`;
    }
  });

/** @param rule the pattern in words: `must be …` */
export const text = (pattern: RegExp, rule: string): Rule<string> =>
  unless((given) => {
    if (typeof given !== 'string') return `must be a string, got ${typeName(given)}`;
    return pattern.test(given) ? undefined : rule;
  });

/** @param maximum if it is `Infinity`, the value may be too */
export const wholeNumber =
  (minimum: number, maximum = Number.MAX_SAFE_INTEGER, what = 'a whole number'): Rule<number> =>
  (given, isVariable) => {
    const isNumber = isVariable && /^-?\d{1,15}(\.\d{1,15})?$/.test(String(given));
    const value = isNumber ? Number(given) : given;
    const isWhole = Number.isSafeInteger(value) || value === maximum;
    if (typeof value === 'number' && isWhole && value >= minimum && value <= maximum) return { value };
    const end = maximum === Number.POSITIVE_INFINITY ? ', or Infinity' : ` to ${maximum}`;
    const range = `from ${minimum}${maximum === Number.MAX_SAFE_INTEGER ? '' : end}`;
    const kind = isVariable ? 'text that is no number' : typeName(value);
    return wrong(`must be ${what} ${range}, got ${typeof value === 'number' ? String(value) : kind}`);
  };

export const milliseconds = (minimum: number, maximum: number): Rule<number> =>
  wholeNumber(minimum, maximum, 'a whole number of milliseconds');

/** Time limits of attempts, calls and the shutdown. Nobody waits longer than ten minutes for a message to be sent. */
export const MAX_DURATION_MS = 600_000;
export const duration = milliseconds(1, MAX_DURATION_MS);

/** A fraction above 0, up to 1. */
export const share: Rule<number> = must(
  'a number above 0, up to 1',
  (given) => typeof given === 'number' && given > 0 && given <= 1,
);

/** The app's ID (AppId). */
export const appId = text(/^\S{1,128}$/, 'must be 1–128 characters without white space');

/** The app's key (AppKey). */
export const appKey = text(/^[\x21-\x7e]{1,128}$/, 'must be 1–128 printable ASCII characters without spaces');

export const oneOf = <const T extends string>(...choices: readonly T[]): Rule<T> =>
  must(choices.join(' or '), (given) => choices.includes(given as T));

export const flag: Rule<boolean> = (given, isVariable) => {
  if (typeof given === 'boolean') return { value: given };
  if (isVariable && (given === 'true' || given === '1')) return { value: true };
  if (isVariable && (given === 'false' || given === '0')) return { value: false };
  return wrong(isVariable ? 'must be true or false, or 1 or 0' : 'must be true or false');
};

export const callback = <T>(): Rule<T> => must('a function', (given) => typeof given === 'function');

/** Recognised by its members, since a signal may come from another realm or a polyfill. */
export const abortSignal: Rule<AbortSignal> = must('an AbortSignal', (given) => {
  const signal = given as Partial<AbortSignal>;
  return typeof signal.aborted === 'boolean' && hasMethods(signal, 'addEventListener', 'removeEventListener');
});

export const listOf = <T>(be: string, holds: (item: unknown) => unknown): Rule<readonly T[]> =>
  must(be, (given) => Array.isArray(given) && given.every(holds));

/**
 * A list of items that each keep a rule. A variable has them separated by commas, and one problem at most, since its
 * parts have no place that could be named. The value is a copy, so that it is what was checked.
 * @param what the items in words: `must be a list of …`
 */
export const list =
  <T>(what: string, each: Rule<T>, most = 10, least = 1): Rule<readonly T[]> =>
  (given, isVariable) => {
    const items = isVariable ? String(given).split(',') : given;
    if (!isArray(items)) return wrong(`must be a list of ${what}, got ${typeName(items)}`);
    const { length } = items;
    if (!(length >= least && length <= most))
      return wrong(`must have ${least}–${most} entries, got ${length}`);
    const value: T[] = [];
    const problems: ConfigProblem[] = [];
    for (let index = 0; index < length && problems.length < MAX_LISTED; index++) {
      const checked = each(items[index]);
      if ('value' in checked) value.push(checked.value);
      else if (isVariable) return checked;
      else for (const { message } of checked.problems) problems.push({ option: `[${index}]`, message });
    }
    return problems.length > 0 ? { problems } : { value };
  };

/** Recognises an object by its methods, since another copy of its class or another realm may have made it. */
export function hasMethods(value: unknown, ...names: readonly string[]): boolean {
  const methods = value as Readonly<Record<string, unknown>> | null | undefined;
  return names.every((name) => typeof methods?.[name] === 'function');
}

/** A revoked proxy throws even here. It counts as no array. */
export function isArray(value: unknown): value is unknown[] {
  try {
    return Array.isArray(value);
  } catch {
    return false;
  }
}

export function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (isArray(value)) return 'an array';
  if (value === undefined) return 'nothing';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** A name safe for logs: it may be anything, and must not forge a line. */
export function printableName(name: string): string {
  const printable = name.replaceAll(/[^\x20-\x7e]/g, '?');
  return printable.length > 40 ? `${printable.slice(0, 40)}…` : printable;
}
