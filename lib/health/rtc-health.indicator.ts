import { Inject, Injectable } from '@nestjs/common';
import { checkCallOptions } from '../options/check-call-options.js';
import { HiddenParts } from '../privacy/hidden-parts.js';
import { Sender } from '../retry/sender.js';
import { HealthRecord } from './health-record.js';
import { HEALTH_THRESHOLDS, judgeHealth } from './judge-health.js';
import type { RtcHealth, RtcHealthThresholds } from './rtc-health.js';

/** What the indicator asks. */
export type HealthSender = Pick<Sender, 'condition' | 'askForCredentials'>;

const hidden = new HiddenParts<{
  readonly sender: HealthSender;
  readonly record: HealthRecord;
}>();

/**
 * Tells how messaging is doing, from what it has done lately. It never sends a message. What it gives has the
 * shape that the health checks of `@nestjs/terminus` take; that package is not needed.
 *
 * @example
 * this.health.check([() => this.rtc.check('rtc')])
 */
@Injectable()
export class RtcHealthIndicator {
  constructor(@Inject(Sender) sender: HealthSender, @Inject(HealthRecord) record: HealthRecord) {
    hidden.set(this, { sender, record });
  }

  /**
   * For Terminus: the status under a key, `up` or `down`.
   * @throws RtcValidationError naming each threshold that can't be used
   */
  check<const Key extends string>(key: Key, thresholds: RtcHealthThresholds = {}): Record<Key, RtcHealth> {
    return { [key]: this.status(thresholds) } as Record<Key, RtcHealth>;
  }

  /**
   * The same by itself. While there are no usable credentials, it has the provider asked again, in the background:
   * were no one to send because of what this says, no one else would ask it.
   * @throws RtcValidationError naming each threshold that can't be used
   */
  status(thresholds: RtcHealthThresholds = {}): RtcHealth {
    const checked = checkCallOptions(HEALTH_THRESHOLDS, thresholds);
    const { sender, record } = hidden.of(this);
    const { condition } = sender;
    if (condition.credentials.state === 'unusable') sender.askForCredentials();
    return judgeHealth(condition, record.read(), checked);
  }
}
