import type { InjectionToken } from '@nestjs/common';
import { redisConnection } from '../redis-client/redis-connection-rule.js';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import type { OptionTable, OptionValues } from '../options/option-table.js';
import { readOptions } from '../options/read-options.js';
import { flag, milliseconds, must, oneOf, text, wholeNumber } from '../options/rules.js';
import { RoomUnicastService } from '../services/room-unicast.service.js';
import {
  DEFAULT_FAN_OUT_QUEUE,
  type RtcFanOutQueueExtras,
  type RtcFanOutQueueOptions,
} from './fan-out-queue-options.js';

const DAY_MS = 86_400_000;
/** Redis takes more, but no one means it. */
const YEAR_MS = 366 * DAY_MS;

const name = text(/^[\w-]{1,64}$/, 'must be 1–64 of letters, digits, _ and -');

export const FAN_OUT_QUEUE_OPTIONS = {
  connection: {
    rule: redisConnection,
    required: true,
    redacted: true,
  },
  prefix: { rule: name, default: 'rtc' },
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

export const FAN_OUT_QUEUE_EXTRAS = {
  role: { rule: oneOf('producer', 'worker', 'both'), default: 'both' },
  queueName: { rule: name, default: DEFAULT_FAN_OUT_QUEUE },
  isGlobal: { rule: flag, default: false },
  roomUnicast: {
    rule: must<InjectionToken>('an injection token', (token) => token !== null),
    default: RoomUnicastService,
  },
} satisfies OptionTable<RtcFanOutQueueExtras>;

/** @throws RtcConfigError listing everything that is wrong */
export function resolveFanOutQueueSettings(given: unknown): FanOutQueueSettings {
  const values = read(FAN_OUT_QUEUE_OPTIONS, given);
  return { ...values, prefix: `{${values.prefix}}` };
}

/**
 * @param given the extras, and beside them, as Nest has it, the options
 * @throws RtcConfigError listing everything that is wrong
 */
export function readFanOutQueueExtras(
  given: RtcFanOutQueueExtras,
): OptionValues<typeof FAN_OUT_QUEUE_EXTRAS> {
  const { role, queueName, isGlobal, roomUnicast } = given;
  return read(FAN_OUT_QUEUE_EXTRAS, { role, queueName, isGlobal, roomUnicast });
}

function read<const Table extends object>(table: Table, given: unknown): OptionValues<Table> {
  const { values, problems } = readOptions(table, given, 'RtcFanOutQueueModule');
  if (problems.length > 0) throw new RtcConfigError(problems);
  return values;
}
