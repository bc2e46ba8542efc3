import { Inject, Injectable } from '@nestjs/common';
import { checkCallOptions } from '../options/check-call-options.js';
import { HiddenParts } from '../privacy/hidden-parts.js';
import { Sender } from '../retry/sender.js';
import { HealthRecord } from './health-record.js';
import { HEALTH_THRESHOLDS, judgeHealth } from './judge-health.js';
import type { RtcHealth, RtcHealthThresholds } from './rtc-health.js';

/** The parts that the indicator reads. */
export type HealthSender = Pick<Sender, 'condition' | 'askForCredentials'>;

const hidden = new HiddenParts<{
  readonly sender: HealthSender;
  readonly record: HealthRecord;
}>();

/**
 * Health of messaging, computed from recent calls. It never sends a message. Its result has the shape that health
 * checks of `@nestjs/terminus` expect. That package is not required.
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
   * @throws RtcValidationError naming each invalid threshold
   */
  check<const Key extends string>(key: Key, thresholds: RtcHealthThresholds = {}): Record<Key, RtcHealth> {
    return { [key]: this.status(thresholds) } as Record<Key, RtcHealth>;
  }

  /**
   * The health without Terminus. While there are no valid credentials, it asks the provider again in the background.
   * Otherwise, if this result stops all sending, nobody would ask it.
   * @throws RtcValidationError naming each invalid threshold
   */
  status(thresholds: RtcHealthThresholds = {}): RtcHealth {
    const checked = checkCallOptions(HEALTH_THRESHOLDS, thresholds);
    const { sender, record } = hidden.of(this);
    const { condition } = sender;
    if (condition.credentials.state === 'unusable') sender.askForCredentials();
    return judgeHealth(condition, record.read(), checked);
  }
}
