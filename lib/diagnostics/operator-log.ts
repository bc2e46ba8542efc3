import type { LoggerService } from '@nestjs/common';
import { isRtcActionName } from '../openapi/rtc-action.js';
import { type Level, LimitedLog } from './limited-log.js';
import type { RtcCredentialsEvent, RtcEvent, RtcOutcomeEvent, RtcThrottlingEvent } from './rtc-event.js';

/** Why receipts are refused. */
const REFUSED_RECEIPTS = {
  repeated: 'It had counted before: the answer to the client was lost, or somebody sends it again',
  not_awaited: 'Its message was not sent to the user who confirms it, or is no longer known (awaitMs)',
};
const CHECK_PROVIDER =
  'Check the provider in credentials, and log its errors there: their texts may hold secrets, and are not shown here.';
const FALLBACK =
  'This process uses its own share of the limit meanwhile, and tries again by itself: check that Redis runs and can be reached.';
const REFUSES_ALL =
  'Quota: the service refuses everything. Other programs may use the account, or its quota may be used up.';
/** What sending such a message again does. */
const RESENT = 'Sent again, it may arrive twice; onUnknown (RTC_ON_UNKNOWN) decides whether it is.';

/**
 * Logs only what an operator can fix, one line each. Callers learn about their own failures from errors, so nothing is
 * logged while all is well.
 */
export class OperatorLog {
  readonly #limited: LimitedLog;
  /** The level of what was last logged, by what it is about. */
  readonly #states = new Map<string, Level>();

  /** @param now monotonic milliseconds */
  constructor(
    private readonly logger: Required<Pick<LoggerService, Level | 'debug'>>,
    now?: () => number,
  ) {
    this.#limited = new LimitedLog(logger, now);
  }

  onEvent(event: RtcEvent): void {
    switch (event.type) {
      case 'retry': {
        const { call, number, reason } = event;
        return void this.logger.debug(`${call.action}, call ${call.id}: attempt ${number} (${reason})`);
      }
      case 'outcome':
        return this.#outcome(event);
      case 'clock': {
        const what = "Requests are signed with the service's time from now on; set the clock.";
        return this.#limited.write('warn', 'clock', `${describeClock(event.offsetMs)}. ${what}`);
      }
      case 'credentials':
        return this.#credentials(event);
      case 'quota': {
        const { status, failure } = event;
        if (status === 'shared') return this.#change('quota', 'log', 'Quota: shared again.');
        const isRefusing = status === 'refusing';
        const line = `Quota: ${failure}. ${isRefusing ? 'Nothing is sent.' : FALLBACK}`;
        return this.#change('quota', isRefusing ? 'error' : 'warn', line);
      }
      case 'throttling':
        return this.#throttling(event);
      case 'shutdown': {
        const line = `Shutting down: calls that did not end in time are aborted (${event.inFlight}).`;
        return event.status === 'timed_out' ? void this.logger.warn(line) : undefined;
      }
      case 'receipt': {
        if (event.status === 'confirmed') return;
        const line = `Receipts: one was refused. ${REFUSED_RECEIPTS[event.status]}.`;
        return this.#limited.write('warn', `receipt ${event.status}`, line);
      }
    }
  }

  /** Logs that a state begins; that all is well again, only after something else. */
  #change(what: string, level: Level, line: string): void {
    const before = this.#states.get(what);
    this.#states.set(what, level);
    if (level !== before && (level !== 'log' || before !== undefined)) this.logger[level](line);
  }

  #credentials({ status, failure, warning, usable }: RtcCredentialsEvent): void {
    if (warning !== undefined) this.#change('expiration', 'warn', `Credentials: ${warning}.`);
    if (status === 'refreshed')
      return this.#change('credentials', 'log', 'Credentials: the provider works again.');
    const rest = usable ? 'The last ones are still valid' : 'Nothing can be sent';
    const line = `Credentials: ${failure}. ${rest}. ${CHECK_PROVIDER}`;
    this.#change('credentials', usable ? 'warn' : 'error', line);
  }

  /** Logs the last attempt, which ended the call. The caller gets the other attempts in the error. */
  #outcome({ call: { action }, outcome, code, attempts, hint = '' }: RtcOutcomeEvent): void {
    const last = attempts.findLast((attempt) => outcome !== 'unknown' || attempt.outcome === 'unknown');
    if (outcome === 'accepted' || last === undefined || code === 'RTC_ABORTED' || code === 'RTC_CONFIG')
      return;
    const { failure = '', throttled, phase } = last;
    const isMessage = isRtcActionName(action);
    const write = (level: Level, key: string, what: string, end = ''): void => {
      const line = [`${action}: ${what}.`, hint, end].filter((part) => part !== '').join(' ');
      // What is said of another action must not be why nothing is said of messages.
      this.#limited.write(level, isMessage ? key : `${action} ${key}`, line);
    };
    if (outcome === 'unknown') {
      const what = isMessage ? 'a message' : 'the request';
      write(
        'warn',
        'unknown',
        `it is unknown whether ${what} was accepted (${failure})`,
        isMessage ? RESENT : '',
      );
    } else if (last.outcome === 'not_attempted') {
      write('error', `${phase} ${failure}`, `it was not sent (${failure}, phase "${phase}")`);
    } else if (throttled) {
      write('warn', 'throttled', `refused because the quota is used up (${failure})`);
    } else if (!failure.startsWith('InvalidParameter') || /AppId|IllegalFrom/.test(failure)) {
      write('error', `refused ${failure}`, `the service refuses with ${failure}`);
    }
  }

  #throttling({ permitsPerSecond, chunkSize }: RtcThrottlingEvent): void {
    if (permitsPerSecond === undefined)
      return void this.logger.log('Quota: the service allows all of it again.');
    if (permitsPerSecond === 0) return this.#limited.write('warn', 'refuses all', REFUSES_ALL);
    const advice =
      chunkSize === undefined
        ? 'If that is so for long, set quota.requestsPerSecond (RTC_QUOTA_RPS) to it, or quota.reserve.'
        : `It refuses requests of more than ${chunkSize} recipients: set quota.costPer (RTC_QUOTA_COST_PER) to recipient if it counts those.`;
    const line = `Quota: the account seems to allow about ${permitsPerSecond} a second, less than configured.`;
    this.#limited.write('warn', 'throttling', `${line} ${advice}`);
  }
}

/** @param offsetMs how far the service is ahead */
export function describeClock(offsetMs: number): string {
  const seconds = Math.round(Math.abs(offsetMs) / 1_000);
  const how = seconds < 60 ? 'at one with' : `${seconds} s ${offsetMs > 0 ? 'behind' : 'ahead of'}`;
  return `This machine's clock is ${how} the service's`;
}
