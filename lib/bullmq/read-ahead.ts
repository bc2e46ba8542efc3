import { createHash } from 'node:crypto';
import type { FanOutCounts } from '../diagnostics/fan-out-counts.js';
import type { RecipientChunks } from '../fan-out/recipient-chunks.js';

/**
 * How much is stored with one command at most, in chunks and in characters of user IDs (but one chunk always is):
 * enough for many chunks a second when Redis is far away, and little enough to hold up neither Redis nor a slow
 * network. A connection without an answer for a second counts as lost.
 */
const MAX_BATCH_CHUNKS = 100;
const MAX_BATCH_LENGTH = 100_000;

/** The digest of no chunk at all. */
export const NO_CHUNKS = '';

/**
 * The digest of chunks up to this one: with it, a source that is enqueued again, after a crash or by mistake, is
 * recognised as the same one or as another.
 * @param recipients joined by commas
 */
export function nextDigest(before: string, recipients: string): string {
  return createHash('sha256').update(before).update('\n').update(recipients).digest('base64url');
}

/** Chunks that follow each other, or the end of the source. */
export interface ChunkBatch {
  /** The index of the first one. */
  readonly from: number;
  /** Of all chunks before the first one. */
  readonly digestBefore: string;
  /** Each with its recipients, joined by commas, and the digest of all chunks up to it. */
  readonly chunks: readonly { readonly recipients: string; readonly digest: string }[];
  /** How far the source was read: to the end of the last one at least. */
  readonly read: Pick<FanOutCounts, 'input' | 'duplicates' | 'invalid'>;
  /** What is no user ID, and was read since the batch before; no more than is listed. Each as JSON: it may be any text. */
  readonly invalid: readonly string[];
  /** How many of those are in the batches before. */
  readonly invalidBefore: number;
  /** At the source's end, with no more chunks. */
  readonly isEnd: boolean;
}

/**
 * Reads a source while what was read before is stored. What is there is handed out as soon as it is asked for: a
 * full chunk never waits for more chunks.
 */
export class ReadAhead {
  /** What was read and not handed out: see {@link ChunkBatch}. */
  #from = 0;
  #digestBefore: string = NO_CHUNKS;
  #chunks: ChunkBatch['chunks'][number][] = [];
  #read: ChunkBatch['read'] = { input: 0, duplicates: 0, invalid: 0 };
  #invalidBefore = 0;
  #invalidNow = 0;
  #limit = 0;
  #reading: Promise<void> | undefined;
  #hasEnded = false;
  /** What the source threw. */
  #failure: { readonly error: unknown } | undefined;

  /** @param first index of the first chunk that is handed out; those before it count for the digest */
  constructor(
    private readonly source: RecipientChunks,
    private readonly first: number,
  ) {}

  /**
   * What was read and not handed out, as soon as there is any, and then the source's end. Rejects with what the source
   * throws, once all chunks before that were handed out.
   * @param limit the index of the first chunk that is not to be read yet
   */
  async next(limit: number): Promise<ChunkBatch> {
    this.#limit = limit;
    this.#goOn();
    while (this.#chunks.length === 0 && !this.#hasEnded) await this.#reading;
    if (this.#chunks.length === 0 && this.#failure !== undefined) throw this.#failure.error;
    const batch = this.#take();
    this.#goOn();
    return batch;
  }

  /** Reads no further. */
  stop(): void {
    this.source.stop();
  }

  /** Reads one chunk after another, as long as there is room. */
  #goOn(): void {
    if (this.#hasEnded || this.#isFull) return;
    this.#reading ??= this.#readOne().finally(() => {
      this.#reading = undefined;
      this.#goOn();
    });
  }

  async #readOne(): Promise<void> {
    const chunk = await this.source.next().catch((error: unknown) => void (this.#failure = { error }));
    this.#hasEnded = chunk === undefined;
    // What was read since the last chunk is not stored.
    if (this.#failure !== undefined) return;
    const { input, duplicates, invalidCount } = this.source;
    this.#read = { input, duplicates, invalid: invalidCount };
    this.#invalidNow = this.source.invalid.length;
    if (chunk === undefined) return;
    const recipients = chunk.recipients.join();
    this.#chunks.push({ recipients, digest: nextDigest(this.#digest, recipients) });
    if (chunk.index < this.first) this.#take();
  }

  #take(): ChunkBatch {
    const invalid = this.source.invalid.slice(this.#invalidBefore, this.#invalidNow);
    const batch: ChunkBatch = {
      from: this.#from,
      digestBefore: this.#digestBefore,
      chunks: this.#chunks,
      read: this.#read,
      invalid: invalid.map((one) => JSON.stringify(one)),
      invalidBefore: this.#invalidBefore,
      isEnd: this.#chunks.length === 0,
    };
    this.#digestBefore = this.#digest;
    this.#from += this.#chunks.length;
    this.#invalidBefore = this.#invalidNow;
    this.#chunks = [];
    return batch;
  }

  get #digest(): string {
    return this.#chunks.at(-1)?.digest ?? this.#digestBefore;
  }

  get #isFull(): boolean {
    const count = this.#chunks.length;
    const length = this.#chunks.reduce((sum, { recipients }) => sum + recipients.length, 0);
    const isAtLimit = this.#from + count >= Math.max(this.#limit, this.first);
    return isAtLimit || count >= MAX_BATCH_CHUNKS || length >= MAX_BATCH_LENGTH;
  }
}
