import { nameError, RtcMessagingError, type RtcMessagingErrorInit } from './rtc-messaging.error.js';

/** One thing that is wrong with the module's settings. */
export interface ConfigProblem {
  /** The option's path, for example `credentials.secretAccessKey`. */
  readonly option: string;
  /** The environment variable that sets the same, where there is one. */
  readonly variable?: string | undefined;
  /** The rule, and what is wrong with the value; never the value of a secret. */
  readonly message: string;
}

/**
 * The settings are wrong, or the credentials provider failed. Thrown at boot it lists every problem at once;
 * it never shows a setting's value where that may be a secret.
 */
export class RtcConfigError extends RtcMessagingError {
  readonly code = 'RTC_CONFIG';
  /** Everything that is wrong. */
  readonly problems: readonly ConfigProblem[];

  /**
   * @param init given when a call fails because the credentials provider gave nothing to sign with
   * @param name of the module, where there are several
   */
  constructor(problems: readonly ConfigProblem[], init?: RtcMessagingErrorInit, name?: string) {
    const module = moduleOf(problems);
    const named = name === undefined ? module : `${module} ${JSON.stringify(name)}`;
    const headline = init === undefined ? `${named} is not configured correctly` : 'No credentials';
    super(`${headline}:\n${problems.map(describeProblem).join('\n')}`, init ?? { outcome: 'not_attempted' });
    this.problems = problems;
  }
}
nameError(RtcConfigError, 'RtcConfigError');

/** Options of the queue's module are told with its name. */
function moduleOf([problem]: readonly ConfigProblem[]): string {
  return /^\w+Module(?=\.)/.exec(problem?.option ?? '')?.[0] ?? 'RtcMessagingModule';
}

function describeProblem({ option, variable, message }: ConfigProblem): string {
  return `  - ${option}${variable ? ` (${variable})` : ''}: ${message}`;
}
