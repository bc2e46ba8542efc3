import { redisConnection } from '../config/redis-connection-rule.js';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import type { OptionTable, OptionValues } from '../options/option-table.js';
import { readOptions } from '../options/read-options.js';
import { milliseconds, text, wholeNumber } from '../options/rules.js';
import type { RtcFanOutQueueOptions } from './fan-out-queue-options.js';
import type { FanOutQueueConnection } from './redis-connection.js';

const DAY_MS = 86_400_000;
/** Redis takes more, but no one means it. */
const YEAR_MS = 366 * DAY_MS;

export const FAN_OUT_QUEUE_OPTIONS = {
  connection: {
    rule: redisConnection<FanOutQueueConnection>(true),
    required: true,
    redacted: true,
  },
  prefix: { rule: text(/^[\w-]{1,64}$/, 'must be 1–64 of letters, digits, _ and -'), default: 'rtc' },
  concurrency: { rule: wholeNumber(1, 1_000), default: 16 },
  lookAhead: { rule: wholeNumber(1, 10_000), default: 100 },
  maxStoredChunks: { rule: wholeNumber(1, 1_000_000), default: 5_000 },
  lostAfterMs: { rule: milliseconds(500, 600_000), default: 15_000 },
  producerLostAfterMs: { rule: milliseconds(500, DAY_MS), default: 30_000 },
  retentionMs: { rule: milliseconds(1_000, YEAR_MS), default: DAY_MS },
  maxIdleMs: { rule: milliseconds(1_000, YEAR_MS), default: 7 * DAY_MS },
} satisfies OptionTable<RtcFanOutQueueOptions>;

/** The options, checked, with defaults; the `prefix` with its braces. */
export type FanOutQueueSettings = OptionValues<typeof FAN_OUT_QUEUE_OPTIONS>;

/** @throws RtcConfigError listing everything that is wrong */
export function resolveFanOutQueueSettings(given: unknown): FanOutQueueSettings {
  const { values, problems } = readOptions(FAN_OUT_QUEUE_OPTIONS, given, 'RtcFanOutQueueModule');
  if (problems.length > 0) throw new RtcConfigError(problems);
  return { ...values, prefix: `{${values.prefix}}` };
}
