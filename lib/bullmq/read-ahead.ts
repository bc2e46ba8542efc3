import { createHash } from 'node:crypto';
import type { InvalidRecipient } from '../fan-out/fan-out-report.js';
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

/** How far a source was read. */
export interface ReadCounts {
  readonly input: number;
  readonly duplicates: number;
  readonly invalid: number;
}

/** A chunk, to be stored. */
export interface ReadChunk {
  /** Joined by commas. */
  readonly recipients: string;
  /** Of all chunks up to this one. */
  readonly digest: string;
  /** What is no user ID, and was read since the chunk before; no more than is listed. */
  readonly invalid: readonly InvalidRecipient[];
}

/** Chunks that follow each other, or the end of the source. */
export interface ChunkBatch {
  /** The index of the first one. */
  readonly from: number;
  readonly chunks: readonly ReadChunk[];
  /** Of all chunks before the first one. */
  readonly digestBefore: string;
  /** When the last one was full, or at the end. */
  readonly read: ReadCounts;
  /** At the source's end, with no more chunks: what is no user ID, and was read since the last chunk. */
  readonly end?: { readonly invalid: readonly InvalidRecipient[] };
}

/**
 * Reads a source while what was read before is stored. What is there is handed out as soon as it is asked for: a
 * full chunk never waits for more chunks.
 */
export class ReadAhead {
  #chunks: ReadChunk[] = [];
  #length = 0;
  #digestBefore: string = NO_CHUNKS;
  #digest: string = NO_CHUNKS;
  #read: ReadCounts = { input: 0, duplicates: 0, invalid: 0 };
  /** The index of the chunk that is read next. */
  #next = 0;
  #limit = 0;
  #listed = 0;
  #reading: Promise<void> | undefined;
  #hasEnded = false;
  /** What the source threw. */
  #failure: { readonly error: unknown } | undefined;

  /** @param from the index of the first chunk that is handed out; those before it count for the digest */
  constructor(
    private readonly source: RecipientChunks,
    private readonly from: number,
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
    const isEnd = this.#chunks.length === 0;
    if (isEnd && this.#failure !== undefined) throw this.#failure.error;
    const batch: ChunkBatch = {
      from: this.#next - this.#chunks.length,
      chunks: this.#chunks,
      digestBefore: this.#digestBefore,
      read: this.#read,
      ...(isEnd && { end: { invalid: this.#newlyInvalid() } }),
    };
    this.#chunks = [];
    this.#length = 0;
    this.#digestBefore = this.#digest;
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
    if (chunk === undefined) return;
    const recipients = chunk.recipients.join();
    this.#digest = nextDigest(this.#digest, recipients);
    this.#next = chunk.index + 1;
    const invalid = this.#newlyInvalid();
    if (chunk.index < this.from) {
      this.#digestBefore = this.#digest;
      return;
    }
    this.#chunks.push({ recipients, digest: this.#digest, invalid });
    this.#length += recipients.length;
  }

  /** What is no user ID, and was read since it was last asked for. */
  #newlyInvalid(): readonly InvalidRecipient[] {
    const invalid = this.source.invalid.slice(this.#listed);
    this.#listed = this.source.invalid.length;
    return invalid;
  }

  get #isFull(): boolean {
    if (this.#next < this.from) return false;
    return (
      this.#next >= this.#limit || this.#chunks.length >= MAX_BATCH_CHUNKS || this.#length >= MAX_BATCH_LENGTH
    );
  }
}
