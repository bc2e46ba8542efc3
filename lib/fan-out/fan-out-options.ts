import { MAX_RECIPIENTS } from '../dto/field-rules.js';
import type { OptionTable, OptionValues } from '../options/option-table.js';
import { abortSignal, callback, duration, flag, milliseconds, oneOf, wholeNumber } from '../options/rules.js';
import {
  DEFAULT_CHUNK_DEADLINE_MS,
  type FanOutOptions,
  MAX_CONCURRENCY,
  type SendEachOptions,
} from './fan-out-request.js';

/** A fan-out may take a day. */
const MAX_FAN_OUT_MS = 86_400_000;

export const FAN_OUT_OPTIONS = {
  signal: abortSignal,
  deadlineMs: milliseconds(1, MAX_FAN_OUT_MS),
  timeoutMs: duration,
  chunkDeadlineMs: { rule: duration, default: DEFAULT_CHUNK_DEADLINE_MS },
  onUnknown: oneOf('report', 'resend'),
  concurrency: wholeNumber(1, MAX_CONCURRENCY),
  chunkSize: wholeNumber(1, MAX_RECIPIENTS),
  dedupe: { rule: oneOf('chunk', 'all', 'none'), default: 'chunk' },
  receipt: flag,
  once: flag,
  total: wholeNumber(0),
  keepChunks: { rule: flag, default: false },
  keepRecipients: { rule: flag, default: true },
  onChunk: callback(),
  onProgress: callback(),
} satisfies OptionTable<FanOutOptions>;

const { chunkSize: _chunkSize, dedupe: _dedupe, ...each } = FAN_OUT_OPTIONS;

export const SEND_EACH_OPTIONS = each satisfies OptionTable<SendEachOptions>;

/** The options, checked, with defaults. */
export type CheckedFanOutOptions = OptionValues<typeof FAN_OUT_OPTIONS>;
