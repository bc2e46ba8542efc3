import type { ConfigProblem } from '../errors/rtc-config.error.js';
import { readOwnProperties } from '../dto/own-properties.js';
import { type Environment, type OptionPath, VARIABLES } from './environment.js';
import { type OptionRule, typeName } from './option-rules.js';

/** Reads options one by one, explicit before environment, and collects what is wrong instead of throwing. */
export class SettingsReader {
  readonly problems: ConfigProblem[] = [];

  constructor(readonly environment: Environment) {}

  /** The given object, or an empty one with a problem noted. Misspelt options would be silently ignored else. */
  record(path: string, given: unknown, known: readonly string[]): Record<string, unknown> {
    if (given === undefined) return {};
    if (typeof given !== 'object' || given === null || Array.isArray(given)) {
      this.problems.push({ option: path || 'options', message: `must be an object, got ${typeName(given)}` });
      return {};
    }
    let own: Record<string, unknown>;
    try {
      own = readOwnProperties(given, path);
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

  optional<T>(path: OptionPath, given: unknown, rule: OptionRule<T>): T | undefined {
    const value = given === undefined ? this.environment[path] : given;
    if (value === undefined) return undefined;
    const checked = rule(value, given === undefined);
    if ('value' in checked) return checked.value;
    this.reject(path, checked.problem);
    return undefined;
  }

  required<T>(path: OptionPath, given: unknown, rule: OptionRule<T>): T | undefined {
    if (given === undefined && this.environment[path] === undefined) this.reject(path, 'is missing');
    return this.optional(path, given, rule);
  }

  reject(path: OptionPath, message: string): void {
    this.problems.push({ option: path, variable: VARIABLES[path], message });
  }
}
