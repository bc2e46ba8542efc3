import type { ConfigProblem } from '../errors/rtc-config.error.js';

/** What is known of a module when it is registered, before its settings are. */
export interface Registration {
  /** Of this one among several; undefined for the one without a name. */
  readonly name: string | undefined;
  /** Told in the same error as those of the settings. */
  readonly problems: readonly ConfigProblem[];
  /** Whether there must be a sender, since callers over HTTP can't name one. */
  readonly needsFrom: boolean;
}

/** What the module without a name is called in events and in the log. */
export const DEFAULT_MODULE_NAME = 'default';

/** What is wrong with a module's name, if anything. */
export function nameProblems(name: unknown): ConfigProblem[] {
  if (name === undefined) return [];
  if (typeof name !== 'string' || !/^[\w.-]{1,64}$/.test(name)) {
    return [{ option: 'name', message: 'must be 1–64 of a-z A-Z 0-9 . _ -' }];
  }
  if (name !== DEFAULT_MODULE_NAME) return [];
  return [{ option: 'name', message: `"${name}" is what the module without a name is called` }];
}
