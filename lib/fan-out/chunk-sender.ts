import type { Emit } from '../diagnostics/channels.js';
import type { RtcFanOutInfo } from '../diagnostics/rtc-event.js';
import { RtcAbortedError } from '../errors/rtc-aborted.error.js';
import { RtcMessagingError } from '../errors/rtc-messaging.error.js';
import { RtcQuotaError } from '../errors/rtc-quota.error.js';
import type { OnUnknown } from '../retry/call-policy.js';
import { decideChunk } from '../retry/retry-decision.js';
import type { AcceptedCall } from '../retry/sender.js';
import type { Cancellation } from '../waiting/cancellation.js';
import type { ChunkOutcome, FanOutStop } from './fan-out-report.js';
import type { FanOutRequest } from './fan-out-request.js';
import type { FanOutTally } from './fan-out-tally.js';
import type { Chunk } from './recipient-chunks.js';

/** Sends one request. `stop` ends its waits, but not an attempt in flight. */
export type SendRequest<Item = string> = (
  recipients: readonly Item[],
  about: {
    readonly stop: Cancellation;
    readonly fanOut: RtcFanOutInfo;
    /** See `CallLimits.beforeSend`. */
    readonly beforeSend: (() => Promise<boolean>) | undefined;
  },
) => Promise<AcceptedCall & Pick<ChunkOutcome, 'messageId'>>;

/** The parts of a module that a fan-out uses. */
export interface FanOutHost {
  /** The module's name. */
  readonly module: string;
  /** Aborted when the app shuts down. */
  readonly closing: AbortSignal;
  readonly emit: Emit;
  /** Largest number of recipients in a request. Infinity unless the service was found to refuse larger requests. */
  readonly chunkSize: number;
  /** Number of requests to have in flight, by the measured round trip. */
  readonly concurrency: number;
}

/** State of a chunk right before one of its requests is sent. */
export interface ChunkProgress<Item = string> {
  /** Recipients that are unknown if nothing more is heard: those of the request, and those that already are unknown. */
  readonly inFlight: readonly Item[];
  /** Recipients that were not sent to or were refused. */
  readonly rest: readonly Item[];
  /** Number of recipients accepted before. */
  readonly accepted: number;
}

/**
 * The fan-out of a chunk, and what can hold the chunk up. All members are required, so that none is inherited from a
 * changed prototype.
 */
export interface SendChunkOptions<Item = string> {
  /** Ends waits. Recipients that were not sent to by then count as not attempted. */
  readonly stop: Cancellation;
  readonly fanOut: RtcFanOutInfo;
  /** Called before each attempt. The attempt is made only if it resolves to true. */
  readonly beforeSend: ((progress: ChunkProgress<Item>) => Promise<boolean>) | undefined;
}

/** The outcome of a chunk or of a part of it. */
export interface SentPart {
  readonly outcome: ChunkOutcome;
  /** Why the fan-out should stop, if it should. */
  readonly stop: FanOutStop | undefined;
}

/** Makes senders of chunks, for the workers of the durable queue. */
export interface ChunkSenders {
  readonly host: FanOutHost;
  /** @throws RtcValidationError when the message lacks a field that the module's settings lack too */
  open(message: Omit<FanOutRequest, 'to'>, onUnknown: OnUnknown | undefined): ChunkSender;
}

/** The recipients of one request: a chunk, or a part of a chunk. */
interface Part<Item> {
  readonly recipients: readonly Item[];
  /** Attempts that were refused. */
  readonly attempts: number;
  /** When the service first refused it for the quota. */
  readonly throttledAt: number | undefined;
}

/**
 * Sends chunks, each with one request if possible. A chunk that is too large for the service or the quota is sent in
 * parts. A chunk with a recipient that the service refuses is split until that recipient stands alone. A throttled
 * chunk is sent again until its deadline.
 */
export class ChunkSender<Item = string> {
  #acceptedAt = Number.NEGATIVE_INFINITY;
  #chunkSize: number;

  /**
   * @param chunkSize recipients in a request at most; what the service refuses as too many makes it smaller
   * @param chunkDeadlineMs how long a chunk is sent again that is throttled
   * @param positionOf for different messages, each a chunk: its position in the source, which stands for it in reports.
   * Without it, all chunks have one message and room, so that what is wrong with them is wrong with all chunks.
   */
  constructor(
    private readonly send: SendRequest<Item>,
    private readonly host: Pick<FanOutHost, 'chunkSize'>,
    chunkSize: number,
    private readonly chunkDeadlineMs: number,
    readonly positionOf?: (item: Item) => number,
  ) {
    this.#chunkSize = chunkSize;
  }

  /**
   * Sends to all recipients of a chunk, one request after another, and counts them in the tally.
   * @returns the outcome of each part as soon as it is known. It ends after a part with a `stop`.
   */
  async *sendChunk(
    { index, recipients }: Chunk<Item>,
    tally: FanOutTally<Item, unknown>,
    { stop, fanOut, beforeSend }: SendChunkOptions<Item>,
  ): AsyncGenerator<SentPart> {
    // The next part is at the end: a stack, so that memory is bounded by the depth.
    const parts: Part<Item>[] = [{ recipients, attempts: 0, throttledAt: undefined }];
    const largest = this.#chunkSize;
    const refused: Item[] = [];
    const unknown: Item[] = [];
    let accepted = 0;
    let isStopped = false;
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      const inRequest = part.recipients;
      if (isStopped || stop.isCancelled) {
        tally.addUnsent(inRequest);
        continue;
      }
      const size = Math.min(largest, this.host.chunkSize);
      if (inRequest.length > size) {
        parts.push(...cut(part, size).reverse());
        continue;
      }
      const progress = (): ChunkProgress<Item> => ({
        inFlight: [...unknown, ...inRequest],
        rest: [...refused, ...parts.toReversed().flatMap((other) => other.recipients)],
        accepted,
      });
      const result = await this.#sendPart(index, part, tally, {
        stop,
        fanOut,
        beforeSend: beforeSend && (() => beforeSend(progress())),
      });
      if (Array.isArray(result)) {
        parts.push(...result.reverse());
        continue;
      }
      const { outcome } = result.outcome;
      tally.add(result.outcome, inRequest);
      if (outcome === 'accepted') accepted += inRequest.length;
      else if (outcome !== 'not_attempted') (outcome === 'unknown' ? unknown : refused).push(...inRequest);
      isStopped = result.stop !== undefined;
      yield result;
    }
  }

  /** @returns the outcome, or the parts to send instead */
  async #sendPart(
    index: number,
    part: Part<Item>,
    tally: FanOutTally<Item, unknown>,
    about: Parameters<SendRequest<Item>>[1],
  ): Promise<SentPart | Part<Item>[]> {
    const { recipients } = part;
    try {
      const call = await this.send(recipients, about);
      tally.addAttempts(call.attempts);
      this.#acceptedAt = performance.now();
      return { outcome: outcomeOf(index, part, 'accepted', call), stop: undefined };
    } catch (error) {
      // Any other error is a bug of a sender. The counts must still add up.
      if (!(error instanceof RtcMessagingError)) {
        return { outcome: outcomeOf(index, part, 'unknown', NO_CALL), stop: { reason: 'refused', error } };
      }
      tally.addAttempts(error.attempts);
      const next = this.#decide(error, part);
      if (Array.isArray(next)) return next;
      return {
        outcome: { ...outcomeOf(index, part, error.outcome, error), error },
        stop: next && { reason: next, error },
      };
    }
  }

  /** @returns the parts to send in place of one that failed, or why the fan-out should stop, if it should */
  #decide(error: RtcMessagingError, part: Part<Item>): Part<Item>[] | FanOutStop['reason'] | undefined {
    const half = Math.ceil(part.recipients.length / 2);
    const decision = decideChunk(error, part.recipients.length, this.positionOf === undefined);
    switch (decision) {
      case 'split':
      case 'shrink':
        if (decision === 'shrink') this.#chunkSize = Math.min(this.#chunkSize, half);
        return cut(part, half);
      case 'again': {
        const again = { ...part, attempts: part.attempts + error.attempts.length };
        if (error instanceof RtcQuotaError) return [again];
        const now = performance.now();
        const { throttledAt = now } = part;
        if (now - throttledAt < this.chunkDeadlineMs) return [{ ...again, throttledAt }];
        return this.#acceptedAt < throttledAt ? 'quota' : undefined;
      }
      case 'go_on':
        // If the fan-out itself was stopped, its first reason counts.
        return error instanceof RtcAbortedError ? 'shutdown' : undefined;
      default:
        return decision;
    }
  }
}

type ReportedCall = Pick<RtcMessagingError, 'requestId' | 'attempts' | 'possibleDuplicate' | 'messageId'>;
const NO_CALL: ReportedCall = {
  requestId: undefined,
  attempts: [],
  possibleDuplicate: false,
  messageId: undefined,
};

function outcomeOf(
  index: number,
  part: Part<unknown>,
  outcome: ChunkOutcome['outcome'],
  { requestId, attempts, possibleDuplicate, messageId }: ReportedCall,
): ChunkOutcome {
  return {
    index,
    outcome,
    recipients: part.recipients.length,
    ...(requestId !== undefined && { requestId }),
    attempts: part.attempts + attempts.length,
    possibleDuplicate,
    ...(messageId !== undefined && { messageId }),
  };
}

/** Splits off a part of this size. The rest stays whole: when it is sent, larger requests may be accepted again. */
function cut<Item>({ recipients, ...part }: Part<Item>, size: number): Part<Item>[] {
  return [recipients.slice(0, size), recipients.slice(size)].map((each) => ({ ...part, recipients: each }));
}
