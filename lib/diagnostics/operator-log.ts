import type { LoggerService } from '@nestjs/common';
import type { RtcEvent, RtcOutcomeEvent } from './rtc-event.js';

/** The same line is not written again for this long; what it stood for meanwhile is counted. */
const QUIET_MS = 60_000;

type Level = 'error' | 'warn' | 'log';

/**
 * Tells an operator, in a line at a time, what only an operator can mend. Callers learn of each failure by its
 * error, so that nothing is logged while all is well, and little while it is not.
 */
export class OperatorLog {
  readonly #lines = new Map<string, { until: number; suppressed: number }>();
  #refreshFailed = false;

  /** @param now monotonic milliseconds */
  constructor(
    private readonly logger: Required<Pick<LoggerService, Level | 'debug'>>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  observe(event: RtcEvent): void {
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
        this.logger.warn(
          `This machine's clock is ${describeOffset(event.offsetMs)} the service's. ` +
            "Requests are signed with the service's time from now on; set the clock.",
        );
        break;
      case 'credentials':
        this.#credentials(event.status === 'refreshed', event.usable, event.failure);
        break;
      case 'shutdown':
        if (event.status === 'timed_out') {
          this.logger.warn(`Shutting down: ${event.inFlight} calls did not end in time and are broken off.`);
        }
        break;
      case 'attempt':
      case 'wait':
        break;
    }
  }

  #outcome({ call, outcome, code, apiCode, attempts }: RtcOutcomeEvent): void {
    const last = attempts.at(-1);
    const failure = apiCode ?? last?.failure;
    if (outcome === 'accepted' || failure === undefined || code === 'RTC_ABORTED' || code === 'RTC_CONFIG') {
      return;
    }
    if (outcome === 'unknown') {
      this.#write(
        'warn',
        'unknown',
        `${call.action}: it is unknown whether a message was accepted (${failure}).`,
      );
    } else if (outcome === 'not_attempted') {
      this.#write(
        'error',
        `unreachable ${failure}`,
        `${call.action}: the service can't be reached (${failure}, phase "${last?.phase}").`,
      );
    } else if (last?.httpStatus === 429 || /FlowLimitExceeded/.test(failure)) {
      this.#write(
        'warn',
        'throttled',
        `${call.action}: refused because the quota is used up (${failure}), retries included.`,
      );
    } else if (!failure.startsWith('InvalidParameter') || /AppId|IllegalFrom/.test(failure)) {
      this.#write('error', `refused ${failure}`, `${call.action}: the service refuses with ${failure}.`);
    }
  }

  #credentials(refreshed: boolean, usable: boolean, failure = 'failed'): void {
    if (refreshed === !this.#refreshFailed) return;
    this.#refreshFailed = !refreshed;
    if (refreshed) this.logger.log('Credentials: the provider works again.');
    else {
      const consequence = usable ? 'The credentials in hand go on serving.' : 'Nothing can be sent.';
      this.logger[usable ? 'warn' : 'error'](`Credentials: ${failure}. ${consequence}`);
    }
  }

  #write(level: Level, key: string, line: string): void {
    const now = this.now();
    const earlier = this.#lines.get(key);
    if (earlier !== undefined && now < earlier.until) {
      earlier.suppressed += 1;
      return;
    }
    const more = earlier?.suppressed
      ? ` It happened ${earlier.suppressed} more times since this was last said.`
      : '';
    this.#lines.set(key, { until: now + QUIET_MS, suppressed: 0 });
    this.logger[level](line + more);
  }
}

function describeOffset(offsetMs: number): string {
  const seconds = Math.round(Math.abs(offsetMs) / 1_000);
  if (seconds < 60) return 'at one with';
  return `${seconds} s ${offsetMs > 0 ? 'behind' : 'ahead of'}`;
}
