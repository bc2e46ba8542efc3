import type { OnUnknown } from '../retry/send-call.js';
import type { ChunkOutcome, FanOutProgress } from './fan-out-report.js';

/** One message to any number of users in a room. */
export interface FanOutRequest {
  /** 1–128 of `a-z A-Z 0-9 @ . _ -`. */
  readonly roomId: string;
  /**
   * Any number of user IDs: an array, a Set, a generator, a database cursor, a stream of lines. It is read as
   * messages are sent, and never kept as a whole. IDs that break the rule are counted and listed, not sent to.
   */
  readonly to: Iterable<string> | AsyncIterable<string>;
  /** Text, at most 20,480 bytes of UTF-8, or as many bytes. */
  readonly message: string | Uint8Array;
  /** The sender that clients see. Default: the module's `from`. */
  readonly from?: string | undefined;
  /** Whether a `message` that is a string is base64 and to be sent as bytes. Default false. */
  readonly binary?: boolean | undefined;
  /**
   * Whether the service is asked first who is in the room, and those who are not are left out: they are counted as
   * `absent`, and cost no quota. Who joins after the question misses the message. If the list can't be had whole within
   * a second, everyone is sent to. Default false.
   */
  readonly skipAbsent?: boolean | undefined;
}

/** How a fan-out is done, and who is told of it. */
export interface FanOutOptions {
  /** Stops the reading; requests that are under way may finish. */
  readonly signal?: AbortSignal | undefined;
  /** How long the fan-out may take, in milliseconds; it stops then as with `signal`. Default: as long as it takes. */
  readonly deadlineMs?: number | undefined;
  /** How long one attempt of a request may take, in milliseconds. Default: the module's `timeoutMs`. */
  readonly timeoutMs?: number | undefined;
  /**
   * Time limit for the safe retries of a chunk, in milliseconds, without the wait for the quota; and for a chunk that
   * the service refuses because the quota is used up, with it. Then the chunk is reported as it is, and if the service
   * could not be reached, or accepted nothing, in all that time, the fan-out stops. Default 60,000.
   */
  readonly chunkDeadlineMs?: number | undefined;
  /** Whether to send again what may have been accepted. Default: the module's `onUnknown`. */
  readonly onUnknown?: OnUnknown | undefined;
  /**
   * How many requests may be under way at once, 1–1,000. Default: as many as it takes to spend the quota at the
   * measured round trip, 48–256.
   */
  readonly concurrency?: number | undefined;
  /** Users a request, 1–600. Default 600; with `quota.costPer: 'recipient'`, a twentieth of the limit. */
  readonly chunkSize?: number | undefined;
  /**
   * Who is sent to once though named twice: within a `chunk` (default), among `all` (exactly, which keeps every
   * ID in memory, and stops at 2,000,000 of them), or `none`.
   */
  readonly dedupe?: 'chunk' | 'all' | 'none' | undefined;
  /** How many recipients there are, if it is known; for the estimate of the time that is left. */
  readonly total?: number | undefined;
  /** Whether the report lists every chunk, rather than those that need attention. Default false. */
  readonly keepChunks?: boolean | undefined;
  /** Whether the report lists the IDs that were not accepted, up to 100,000. Default true. */
  readonly keepRecipients?: boolean | undefined;
  /** Called after each chunk; sending slows down to it. What it throws stops the fan-out. */
  readonly onChunk?: ((chunk: ChunkOutcome) => void | Promise<void>) | undefined;
  /** Called four times a second, and at the end; it is not waited for. What it throws stops the fan-out. */
  readonly onProgress?: ((progress: FanOutProgress) => void) | undefined;
}

/** How many messages of `sendEach` are sent, and who is told of it. */
export type SendEachOptions = Omit<FanOutOptions, 'chunkSize' | 'dedupe'>;

/** Limits of {@link FanOutOptions} and of what a report lists. */
export const MAX_CONCURRENCY = 1_000;
export const DEFAULT_CHUNK_DEADLINE_MS = 60_000;
export const MAX_DEDUPE_ALL = 2_000_000;
export const MAX_KEPT_RECIPIENTS = 100_000;
export const MAX_KEPT_CHUNKS = 10_000;
export const MAX_LISTED_INVALID = 1_000;
