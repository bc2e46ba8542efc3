import type { ConfigProblem } from '../errors/rtc-config.error.js';

/** What is known of a module when it is registered, before its settings are. */
export interface Registration {
  /** Of this one among several; undefined for the one without a name. */
  readonly name: string | undefined;
  /** Told in the same error as those of the settings. */
  readonly problems: readonly ConfigProblem[];
  /** Whether there must be a sender, since callers over HTTP can't name one. */
  readonly needsFrom: boolean;
  /** Those of its controllers: `/rtc/rooms/:roomId/unicast`. */
  readonly routes: readonly string[];
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

/**
 * What is wrong with a module beside the others of the app. The first of two equal routes would get the requests of
 * both, and so send them with its own account.
 */
export function conflictProblems(own: Registration, others: readonly Registration[]): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (own.name !== undefined && others.some(({ name }) => name === own.name)) {
    problems.push({ option: 'name', message: `"${own.name}" is the name of another module too` });
  }
  const taken = own.routes.filter((route) => others.some(({ routes }) => routes.includes(route)));
  if (taken.length > 0) {
    problems.push({
      option: 'controller.path',
      message: `is that of another module too (POST ${taken.join(', POST ')}); give each a path of its own`,
    });
  }
  return problems;
}
