import { RtcValidationError, type ValidationIssue } from '../errors/rtc-validation.error.js';

/** What an option of a call must be, in words and in deed. */
export type OptionCheck = readonly [rule: string, holds: (value: unknown) => boolean];

/** @throws RtcValidationError naming each option that can't be used; undefined counts as left out */
export function checkOptions<T extends object>(
  options: T,
  checks: Readonly<Record<keyof T, OptionCheck>>,
): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new RtcValidationError([{ path: 'options', message: 'must be an object' }]);
  }
  const issues: ValidationIssue[] = [];
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(checks, name)) {
      issues.push({ path: `options.${name}`, message: 'is not a known option' });
    } else if (value !== undefined) {
      const [rule, holds] = checks[name as keyof T];
      if (!holds(value)) issues.push({ path: `options.${name}`, message: rule });
    }
  }
  if (issues.length > 0) throw new RtcValidationError(issues);
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
    return (
      typeof signal?.aborted === 'boolean' &&
      typeof signal.addEventListener === 'function' &&
      typeof signal.removeEventListener === 'function'
    );
  },
];

function isWhole(value: unknown, maximum: number): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= maximum;
}
