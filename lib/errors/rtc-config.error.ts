import { nameError, RtcMessagingError, type RtcMessagingErrorInit } from './rtc-messaging.error.js';

/** One problem with the module's settings. */
export interface ConfigProblem {
  /** The option's path, for example `credentials.secretAccessKey`. */
  readonly option: string;
  /** The environment variable of the option, if it has one. */
  readonly variable?: string | undefined;
  /** The rule and the value's problem. It never contains a secret. */
  readonly message: string;
}

/**
 * The settings are wrong, or the credentials provider failed. At boot, one error lists every problem. It never shows a
 * value that may be secret.
 */
export class RtcConfigError extends RtcMessagingError {
  readonly code = 'RTC_CONFIG';
  /** Every problem. */
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

/** Options of other modules begin with their names. */
function moduleOf([problem]: readonly ConfigProblem[]): string {
  return /^\w+Module\b/.exec(problem?.option ?? '')?.[0] ?? 'RtcMessagingModule';
}

function describeProblem({ option, variable, message }: ConfigProblem): string {
  return `  - ${option}${variable ? ` (${variable})` : ''}: ${message}`;
}
