import { MAX_RECIPIENTS } from '../dto/field-rules.js';
import type { OptionTable, OptionValues } from '../options/option-table.js';
import { abortSignal, callback, duration, flag, milliseconds, oneOf, wholeNumber } from '../options/rules.js';
import type { OnUnknown } from '../retry/call-policy.js';
import type { ChunkOutcome, FanOutProgress } from './fan-out-report.js';

/** One message to any number of users in a room. */
export interface FanOutRequest {
  /** 1–128 of `a-z A-Z 0-9 @ . _ -`. */
  readonly roomId: string;
  /**
   * Any number of user IDs: an array, a Set, a generator, a database cursor, a stream of lines. It is read while
   * messages are sent, and never kept as a whole. Invalid IDs are counted and listed, and not sent to.
   */
  readonly to: Iterable<string> | AsyncIterable<string>;
  /** At most 20,480 bytes: text in UTF-8, or binary. */
  readonly message: string | Uint8Array;
  /** The sender that clients see. Default: the module's `from`. */
  readonly from?: string | undefined;
  /** Whether a string `message` is base64 of binary. Default false. */
  readonly binary?: boolean | undefined;
  /**
   * Whether to ask the service first which users are in the room, and leave the others out. They are counted as
   * `absent` and cost no quota. A user who joins after that request misses the message. If the complete list does not
   * arrive within a second, all recipients are sent to. Default false.
   */
  readonly skipAbsent?: boolean | undefined;
}

/** Options of a fan-out. */
export interface FanOutOptions {
  /** Stops the fan-out. Requests in flight may finish. */
  readonly signal?: AbortSignal | undefined;
  /** Time limit of the fan-out, in milliseconds. After it, the fan-out stops as with `signal`. Default: no limit. */
  readonly deadlineMs?: number | undefined;
  /** Time limit of one attempt, in milliseconds. Default: the module's `timeoutMs`. */
  readonly timeoutMs?: number | undefined;
  /**
   * Time limit for the safe retries of a chunk, in milliseconds, without the wait for the quota. It also limits, with
   * that wait, how long a throttled chunk is sent again. After it, the chunk's outcome is final. If the service was
   * unreachable or accepted nothing in all that time, the fan-out stops. Default 60,000.
   */
  readonly chunkDeadlineMs?: number | undefined;
  /** Unknown outcomes: report them, or send again. Default: the module's `onUnknown`. */
  readonly onUnknown?: OnUnknown | undefined;
  /**
   * Largest number of requests in flight, 1–1,000. Default: as many as it takes to spend the quota at the measured
   * round trip, 48–256.
   */
  readonly concurrency?: number | undefined;
  /**
   * Recipients in a request, 1–600. Default 600. With `quota.costPer: 'recipient'`, the default is a twentieth of the
   * limit, or of the room's if that is less.
   */
  readonly chunkSize?: number | undefined;
  /**
   * Where duplicate recipients are removed: within a `chunk` (default), among `all` recipients (exact, but it keeps
   * every ID in memory and stops at 2,000,000), or `none`. With `receipt`, always among `all`.
   */
  readonly dedupe?: 'chunk' | 'all' | 'none' | undefined;
  /**
   * See `SendOptions.receipt`. If too many receipts are awaited, a list is refused, and a fan-out that runs waits for room.
   * Default false.
   */
  readonly receipt?: boolean | undefined;
  /** See `SendOptions.once`. Default false. */
  readonly once?: boolean | undefined;
  /** Total number of recipients, for the estimate of the remaining time. */
  readonly total?: number | undefined;
  /** Whether the report lists every chunk, and not only those that need attention. Default false. */
  readonly keepChunks?: boolean | undefined;
  /** Whether the report lists the IDs that were not accepted, up to 100,000. Default true. */
  readonly keepRecipients?: boolean | undefined;
  /**
   * Called after each chunk and awaited, so a slow callback slows the sending down. If it throws, the fan-out stops.
   */
  readonly onChunk?: ((chunk: ChunkOutcome) => void | Promise<void>) | undefined;
  /** Called four times a second and at the end, and not awaited. If it throws, the fan-out stops. */
  readonly onProgress?: ((progress: FanOutProgress) => void) | undefined;
}

/** Options of `sendEach`. */
export type SendEachOptions = Omit<FanOutOptions, 'chunkSize' | 'dedupe'>;

/** Limits of {@link FanOutOptions} and of what a report lists. */
export const MAX_CONCURRENCY = 1_000;
export const DEFAULT_CHUNK_DEADLINE_MS = 60_000;
export const MAX_DEDUPE_ALL = 2_000_000;
export const MAX_KEPT_RECIPIENTS = 100_000;
export const MAX_KEPT_CHUNKS = 10_000;
export const MAX_LISTED_INVALID = 1_000;

/** A fan-out may take a day. */
const MAX_FAN_OUT_MS = 86_400_000;

/** Other defaults: `defaultChunkSize()`, `RateLimiter.concurrency`, and those of the module. */
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
