import { RtcValidationError, type ValidationIssue } from '../errors/rtc-validation.error.js';
import { readProperties } from './read-properties.js';

/** What an option of a call must be, in words and in deed. */
export type OptionCheck = readonly [rule: string, holds: (value: unknown) => boolean];

/**
 * Checks a copy of the options, and returns it: what is not given is undefined there, whatever `Object.prototype` says.
 * @throws RtcValidationError naming each option that can't be used; undefined counts as left out
 */
export function checkOptions<T extends object>(
  options: T,
  checks: Readonly<Record<keyof T, OptionCheck>>,
): T {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new RtcValidationError([{ path: 'options', message: 'must be an object' }]);
  }
  const copy = readProperties(options, Object.keys(checks), 'options');
  const issues: ValidationIssue[] = [];
  for (const [name, value] of Object.entries(copy)) {
    if (!Object.hasOwn(checks, name)) {
      issues.push({ path: `options.${name}`, message: 'is not a known option' });
    } else if (value !== undefined) {
      const [rule, holds] = checks[name as keyof T];
      if (!holds(value)) issues.push({ path: `options.${name}`, message: rule });
    }
  }
  if (issues.length > 0) throw new RtcValidationError(issues);
  return copy as T;
}

export const milliseconds = (maximum: number): OptionCheck => [
  `must be a whole number of milliseconds from 1 to ${maximum}`,
  (value) => isWhole(value, maximum),
];

export const wholeNumber = (maximum: number): OptionCheck => [
  `must be a whole number from 1 to ${maximum}`,
  (value) => isWhole(value, maximum),
];

export const count: OptionCheck = [
  'must be a whole number from 0',
  (value) => Number.isSafeInteger(value) && (value as number) >= 0,
];

export const oneOf = (...choices: readonly string[]): OptionCheck => [
  `must be ${choices.join(' or ')}`,
  (value) => choices.includes(value as string),
];

export const flag: OptionCheck = ['must be true or false', (value) => typeof value === 'boolean'];

export const callback: OptionCheck = ['must be a function', (value) => typeof value === 'function'];

/** By what is asked of it, since a signal may be of another realm or a polyfill. */
export const abortSignal: OptionCheck = [
  'must be an AbortSignal',
  (value) => {
    const signal = value as Partial<AbortSignal> | null;
    try {
      return (
        typeof signal?.aborted === 'boolean' &&
        typeof signal.addEventListener === 'function' &&
        typeof signal.removeEventListener === 'function'
      );
    } catch {
      return false;
    }
  },
];

function isWhole(value: unknown, maximum: number): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= maximum;
}
