import type { Redacted } from '../privacy/redacted.js';
import type { Rule } from './rules.js';

/** The rule, variable and default of an option. An option with only a rule can be that rule. */
export interface Option<T> {
  readonly rule: Rule<T>;
  /** The environment variable that is read if the option is not set, or those of its parts, which are read together. */
  readonly variable?: string | Readonly<Record<string, string>>;
  readonly default?: T;
  readonly required?: true;
  /** Keeps the value in a `Redacted`. Its variable is a secret. */
  readonly redacted?: true;
  /**
   * Identifies the account. A named module needs its own value, and undefined must not fall back to the environment.
   */
  readonly ofAccount?: true;
}

/** Options within an option. */
export interface OptionGroup<I> {
  readonly options: OptionTable<I>;
  /** The group may be left out as a whole. Its value is undefined then, whatever the environment has. */
  readonly optional?: true;
}

/** A row for each member of an interface. The compiler reports a member without a row, and a row without a member. */
export type OptionTable<I> = {
  readonly [Name in keyof I]-?: Row<NonNullable<I[Name]>>;
};

type Row<T> = Rule<T> | Option<T> | OptionGroup<T>;
type AnyRow = Rule<unknown> | Option<unknown> | { readonly options: object; readonly optional?: true };

/** A row of any kind. */
export type AnyOption = Partial<Option<unknown>> & { readonly options?: object; readonly optional?: true };

/** The values that a table yields: each option's value, its default, or undefined. */
export type OptionValues<Table> = { readonly [Name in keyof Table]: ValueOf<Table[Name]> };

type ValueOf<Row> = Row extends { readonly options: infer Table }
  ? OptionValues<Table> | (Row extends { readonly optional: true } ? undefined : never)
  : Row extends Rule<infer T>
    ? T | undefined
    : Row extends { readonly rule: Rule<infer T> }
      ? | (Row extends { readonly redacted: true } ? Redacted<T> : T)
        | (Row extends { readonly default: unknown } | { readonly required: true } ? never : undefined)
      : never;

/** An option as the documentation lists it. */
export interface DescribedOption {
  readonly option: string;
  readonly variable: string | undefined;
  readonly default: unknown;
  /** Undefined for a part of an option, where the rule decides which parts are required. */
  readonly required: boolean | undefined;
  readonly redacted: boolean;
}

/** All options of a table. Nested options have their full path. */
export function describeOptions(table: object, path = ''): DescribedOption[] {
  return rowsOf(table).flatMap(
    ([name, { options, variable, default: fallback, required = false, redacted = false }]) => {
      const option = join(path, name);
      if (options !== undefined) return describeOptions(options, option);
      if (typeof variable !== 'object') return [{ option, variable, default: fallback, required, redacted }];
      return Object.entries(variable).map(([part, partVariable]) => ({
        option: join(option, part),
        variable: partVariable,
        default: undefined,
        required: undefined,
        redacted,
      }));
    },
  );
}

type Rows = readonly (readonly [name: string, row: AnyOption])[];
const rowsOfTables = new WeakMap<object, Rows>();

/** The rows by name, without properties of a changed `Object.prototype`. */
export function rowsOf(table: object): Rows {
  let rows = rowsOfTables.get(table);
  if (rows === undefined) {
    rows = Object.entries(table as Readonly<Record<string, AnyRow>>).map(([name, row]) => [
      name,
      Object.assign(Object.create(null), typeof row === 'function' ? { rule: row } : row) as AnyOption,
    ]);
    rowsOfTables.set(table, rows);
  }
  return rows;
}

export function join(path: string, name: string): string {
  return path === '' || name === '' || name.startsWith('[') ? path + name : `${path}.${name}`;
}
