import type { ConfigProblem } from '../errors/rtc-config.error.js';
import { readProperties } from '../dto/read-properties.js';
import { type Environment, type OptionPath, VARIABLES } from './environment.js';
import { type OptionRule, typeName } from './option-rules.js';

/** Reads options one by one, explicit before environment, and collects what is wrong instead of throwing. */
export class SettingsReader {
  readonly problems: ConfigProblem[] = [];
  readonly #refused = new Set<string>();

  constructor(readonly environment: Environment) {}

  /** The given object, or an empty one with a problem noted. Misspelt options would be silently ignored else. */
  record(path: string, given: unknown, known: readonly string[]): Record<string, unknown> {
    // Options may be left out where something else is in their place; a factory that gives nothing has forgotten them.
    if (given === undefined && path !== '') return {};
    if (typeof given !== 'object' || given === null || Array.isArray(given)) {
      this.problems.push({ option: path || 'options', message: `must be an object, got ${typeName(given)}` });
      return {};
    }
    let own: Record<string, unknown>;
    try {
      own = readProperties(given, known, path);
    } catch {
      this.problems.push({ option: path || 'options', message: "can't be read: a getter or a proxy throws" });
      return {};
    }
    for (const key of Object.keys(own)) {
      if (known.includes(key)) continue;
      const meant = known.find((name) => name.toLowerCase() === key.toLowerCase());
      const option = path === '' ? key : `${path}.${key}`;
      const hint = meant === undefined ? `there are ${known.join(', ')}` : `did you mean ${meant}?`;
      this.problems.push({ option, message: `is not an option; ${hint}` });
    }
    return own;
  }

  /**
   * Notes which of these options are there and undefined. Nothing is read in place of them: whoever names an option
   * means a value, and that of the environment may be another account's.
   */
  refuseUndefined(options: Readonly<Record<string, unknown>>, names: readonly string[]): void {
    for (const option of names) {
      if (!Object.hasOwn(options, option) || options[option] !== undefined) continue;
      this.#refused.add(option);
      this.problems.push({
        option,
        message:
          'is undefined. A module with a name needs a value here; leave the option out if the environment, ' +
          'which all modules share, is to give it',
      });
    }
  }

  /** Whether an option was noted as undefined. */
  isRefused(option: string): boolean {
    return this.#refused.has(option);
  }

  optional<T>(path: OptionPath, given: unknown, rule: OptionRule<T>): T | undefined {
    if (this.isRefused(path)) return undefined;
    const value = given === undefined ? this.environment[path] : given;
    if (value === undefined) return undefined;
    const checked = rule(value, given === undefined);
    if ('value' in checked) return checked.value;
    this.reject(path, checked.problem);
    return undefined;
  }

  required<T>(path: OptionPath, given: unknown, rule: OptionRule<T>): T | undefined {
    const isMissing = given === undefined && this.environment[path] === undefined;
    if (isMissing && !this.isRefused(path)) this.reject(path, 'is missing');
    return this.optional(path, given, rule);
  }

  reject(path: OptionPath, message: string): void {
    this.problems.push({ option: path, variable: VARIABLES[path], message });
  }
}
