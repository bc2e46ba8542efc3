import type { LoggerService } from '@nestjs/common';
import { isRtcActionName } from '../openapi/rtc-action.js';
import { LimitedLog } from './limited-log.js';
import type {
  RtcCredentialsEvent,
  RtcEvent,
  RtcOutcomeEvent,
  RtcQuotaEvent,
  RtcThrottlingEvent,
} from './rtc-event.js';

/** Why receipts are refused. */
const REFUSED_RECEIPTS = {
  repeated: 'It had counted before: the answer to the client was lost, or somebody sends it again',
  not_awaited: 'Its message was not sent to the user who confirms it, or is no longer known (awaitMs)',
};

/**
 * Logs only what an operator can fix, one line each. Callers learn about their own failures from errors, so nothing is
 * logged while all is well.
 */
export class OperatorLog {
  readonly #limited: LimitedLog;
  #credentialsWarned = false;
  #credentialsState: 'fine' | 'ageing' | 'gone' | undefined;
  #quotaStatus: RtcQuotaEvent['status'] | undefined;

  /** @param now monotonic milliseconds */
  constructor(
    private readonly logger: Required<Pick<LoggerService, 'error' | 'warn' | 'log' | 'debug'>>,
    now?: () => number,
  ) {
    this.#limited = new LimitedLog(logger, now);
  }

  onEvent(event: RtcEvent): void {
    switch (event.type) {
      case 'retry':
        this.logger.debug(
          `${event.call.action}, call ${event.call.id}: attempt ${event.number} (${event.reason})`,
        );
        break;
      case 'outcome':
        this.#outcome(event);
        break;
      case 'clock':
        this.#limited.write(
          'warn',
          'clock',
          `This machine's clock is ${describeOffset(event.offsetMs)} the service's. ` +
            "Requests are signed with the service's time from now on; set the clock.",
        );
        break;
      case 'credentials':
        this.#credentials(event);
        break;
      case 'quota':
        this.#quota(event);
        break;
      case 'throttling':
        this.#throttling(event);
        break;
      case 'shutdown':
        if (event.status === 'timed_out') {
          this.logger.warn(`Shutting down: calls that did not end in time are aborted (${event.inFlight}).`);
        }
        break;
      case 'receipt':
        if (event.status !== 'confirmed') {
          const what = REFUSED_RECEIPTS[event.status];
          this.#limited.write('warn', `receipt ${event.status}`, `Receipts: one was refused. ${what}.`);
        }
        break;
      case 'begin':
      case 'attempt':
      case 'wait':
      case 'fan_out_begin':
      case 'fan_out_outcome':
        break;
    }
  }

  /** Logs the last attempt, which ended the call. The caller gets the other attempts in the error. */
  #outcome({ call: { action }, outcome, code, attempts, hint }: RtcOutcomeEvent): void {
    const last = attempts.findLast((attempt) => outcome !== 'unknown' || attempt.outcome === 'unknown');
    if (outcome === 'accepted' || last === undefined || code === 'RTC_ABORTED' || code === 'RTC_CONFIG')
      return;
    const { failure = '', throttled, phase } = last;
    const isMessage = isRtcActionName(action);
    // What is said of another action must not be why nothing is said of messages.
    const scope = isMessage ? '' : `${action} `;
    const advice = hint === undefined ? '' : ` ${hint}`;
    const what = isMessage ? 'a message' : 'the request';
    if (outcome === 'unknown') {
      this.#limited.write(
        'warn',
        `${scope}unknown`,
        `${action}: it is unknown whether ${what} was accepted (${failure}).${advice}${isMessage ? RESENT : ''}`,
      );
    } else if (last.outcome === 'not_attempted') {
      const why = failure.startsWith('REQUEST_FAILED')
        ? "the request can't be made"
        : phase === 'queued'
          ? 'it did not leave in time'
          : "the service can't be reached";
      this.#limited.write(
        'error',
        `${scope}${phase} ${failure}`,
        `${action}: ${why} (${failure}, phase "${phase}").${advice}`,
      );
    } else if (throttled) {
      this.#limited.write(
        'warn',
        `${scope}throttled`,
        `${action}: refused because the quota is used up (${failure}).${advice}`,
      );
    } else if (!failure.startsWith('InvalidParameter') || /AppId|IllegalFrom/.test(failure)) {
      this.#limited.write(
        'error',
        `${scope}refused ${failure}`,
        `${action}: the service refuses with ${failure}.${advice}`,
      );
    }
  }

  #credentials({ status, failure, warning, usable }: RtcCredentialsEvent): void {
    if (warning !== undefined && !this.#credentialsWarned) {
      this.#credentialsWarned = true;
      this.logger.warn(`Credentials: ${warning}.`);
    }
    const state = status === 'refreshed' ? 'fine' : usable ? 'ageing' : 'gone';
    if (state === this.#credentialsState) return;
    const before = this.#credentialsState;
    this.#credentialsState = state;
    if (state === 'gone')
      this.logger.error(`Credentials: ${failure}. Nothing can be sent. ${CHECK_PROVIDER}`);
    else if (state === 'ageing')
      this.logger.warn(`Credentials: ${failure}. The last ones are still valid. ${CHECK_PROVIDER}`);
    else if (before !== undefined) this.logger.log('Credentials: the provider works again.');
  }

  #quota({ status, failure }: RtcQuotaEvent): void {
    const before = this.#quotaStatus;
    if (status === before) return;
    this.#quotaStatus = status;
    if (status === 'refusing') this.logger.error(`Quota: ${failure}. Nothing is sent.`);
    else if (status === 'fallback') {
      this.logger.warn(
        `Quota: ${failure}. This process uses its own share of the limit meanwhile, and tries again by itself: check that Redis runs and can be reached.`,
      );
    } else if (before !== undefined) this.logger.log('Quota: shared again.');
  }

  #throttling({ permitsPerSecond, chunkSize }: RtcThrottlingEvent): void {
    if (permitsPerSecond === undefined) {
      this.logger.log('Quota: the service allows all of it again.');
      return;
    }
    if (permitsPerSecond === 0) {
      const line =
        'Quota: the service refuses everything. Other programs may use the account, or its quota may be used up.';
      this.#limited.write('warn', 'refuses all', line);
      return;
    }
    const advice =
      chunkSize === undefined
        ? `If that is so for long, set quota.requestsPerSecond (RTC_QUOTA_RPS) to it, or quota.reserve.`
        : `It refuses requests of more than ${chunkSize} recipients: set quota.costPer (RTC_QUOTA_COST_PER) to ` +
          'recipient if it counts those.';
    this.#limited.write(
      'warn',
      'throttling',
      `Quota: the account seems to allow about ${permitsPerSecond} a second, less than configured. ${advice}`,
    );
  }
}

const CHECK_PROVIDER =
  'Check the provider in credentials, and log its errors there: their texts may hold secrets, and are not shown here.';
/** What sending such a message again does. */
const RESENT = ' Sent again, it may arrive twice; onUnknown (RTC_ON_UNKNOWN) decides whether it is.';

function describeOffset(offsetMs: number): string {
  const seconds = Math.round(Math.abs(offsetMs) / 1_000);
  if (seconds < 60) return 'at one with';
  return `${seconds} s ${offsetMs > 0 ? 'behind' : 'ahead of'}`;
}
