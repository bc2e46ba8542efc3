import type { Agent } from 'node:http';
import { idProblem } from '../dto/field-rules.js';
import { isQuotaStore, type QuotaStore } from '../quota/quota-store.js';

/** A value that has passed its rule, or what is wrong with it (told without quoting text, which may be secret). */
export type Checked<T> = { readonly value: T } | { readonly problem: string };

/** Reads an option as it was given in code (any type) or in the environment (always text). */
export type OptionRule<T> = (given: unknown, fromEnvironment: boolean) => Checked<T>;

export const text =
  (pattern: RegExp, rule: string): OptionRule<string> =>
  (given) => {
    if (typeof given !== 'string') return { problem: `must be a string, got ${typeName(given)}` };
    return pattern.test(given) ? { value: given } : { problem: rule };
  };

export const userId: OptionRule<string> = (given) => {
  const problem = idProblem(given);
  return problem === undefined ? { value: given as string } : { problem };
};

export const wholeNumber =
  (minimum: number, maximum: number): OptionRule<number> =>
  (given, fromEnvironment) => {
    const rule = `must be a whole number from ${minimum} to ${maximum}`;
    if (typeof given !== 'number' && !(fromEnvironment && typeof given === 'string')) {
      return { problem: `${rule}, got ${typeName(given)}` };
    }
    const value = typeof given === 'string' && !/^\d{1,15}$/.test(given) ? Number.NaN : Number(given);
    if (Number.isNaN(value)) return { problem: `${rule}, got something else` };
    return Number.isInteger(value) && value >= minimum && value <= maximum
      ? { value }
      : { problem: `${rule}, got ${value}` };
  };

export const oneOf =
  <T extends string>(...choices: readonly T[]): OptionRule<T> =>
  (given) => {
    const value = choices.find((choice) => choice === given);
    return value === undefined ? { problem: `must be ${choices.join(' or ')}` } : { value };
  };

export const flag: OptionRule<boolean> = (given, fromEnvironment) => {
  if (typeof given === 'boolean') return { value: given };
  if (fromEnvironment && (given === 'true' || given === '1')) return { value: true };
  if (fromEnvironment && (given === 'false' || given === '0')) return { value: false };
  return { problem: 'must be true or false' };
};

/** Agents are recognised by what is asked of them, since an app may have a class of its own. */
export const agent = <T extends Agent>(given: unknown): Checked<T> =>
  typeof (given as { addRequest?: unknown } | null)?.addRequest === 'function'
    ? { value: given as T }
    : { problem: 'must be an Agent of node:http or node:https' };

/** Recognised by its method, since another copy of this package may have made it. */
export const quotaStore: OptionRule<QuotaStore> = (given) =>
  isQuotaStore(given) ? { value: given } : { problem: 'must be a RedisQuota, or a store like it' };

export function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (value === undefined) return 'nothing';
  return `a ${typeof value}`;
}
