import { MAX_DURATION_MS } from '../config/settings.js';
import {
  abortSignal,
  callback,
  checkOptions,
  count,
  flag,
  milliseconds,
  oneOf,
  wholeNumber,
} from '../dto/check-options.js';
import { MAX_RECIPIENTS } from '../dto/field-rules.js';
import {
  DEFAULT_CHUNK_DEADLINE_MS,
  type FanOutOptions,
  MAX_CONCURRENCY,
  type SendEachOptions,
} from './fan-out-request.js';

/** The options, checked, with defaults. */
export type CheckedFanOutOptions = FanOutOptions & typeof DEFAULTS;

/** A fan-out may take a day. */
const MAX_FAN_OUT_MS = 86_400_000;

const DEFAULTS = {
  // Named, so that none is inherited.
  concurrency: undefined as number | undefined,
  chunkSize: undefined as number | undefined,
  chunkDeadlineMs: DEFAULT_CHUNK_DEADLINE_MS,
  dedupe: 'chunk' as NonNullable<FanOutOptions['dedupe']>,
  keepChunks: false,
  keepRecipients: true,
};

const CHECKS = {
  signal: abortSignal,
  deadlineMs: milliseconds(MAX_FAN_OUT_MS),
  timeoutMs: milliseconds(MAX_DURATION_MS),
  chunkDeadlineMs: milliseconds(MAX_DURATION_MS),
  onUnknown: oneOf('report', 'resend'),
  concurrency: wholeNumber(MAX_CONCURRENCY),
  chunkSize: wholeNumber(MAX_RECIPIENTS),
  dedupe: oneOf('chunk', 'all', 'none'),
  total: count,
  keepChunks: flag,
  keepRecipients: flag,
  onChunk: callback,
  onProgress: callback,
} as const;

/** @throws RtcValidationError naming each option that can't be used */
export function checkFanOutOptions(options: FanOutOptions): CheckedFanOutOptions {
  return withDefaults(checkOptions<FanOutOptions>(options, CHECKS));
}

/** @throws RtcValidationError naming each option that can't be used */
export function checkSendEachOptions(options: SendEachOptions): CheckedFanOutOptions {
  const { chunkSize: _, dedupe: __, ...checks } = CHECKS;
  return withDefaults(checkOptions<SendEachOptions>(options, checks));
}

function withDefaults(checked: FanOutOptions): CheckedFanOutOptions {
  const given = Object.entries(checked).filter(([, value]) => value !== undefined);
  return Object.assign(Object.create(null), DEFAULTS, Object.fromEntries(given)) as CheckedFanOutOptions;
}
