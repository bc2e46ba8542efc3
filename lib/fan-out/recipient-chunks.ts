import { DistinctIds } from '../dto/distinct-ids.js';
import { idProblem, isId } from '../dto/field-rules.js';
import { RtcValidationError } from '../errors/rtc-validation.error.js';
import { Cancellation } from '../waiting/cancellation.js';
import { Interrupted, waitFor } from '../waiting/time-box.js';
import type { InvalidRecipient } from './fan-out-report.js';
import { MAX_DEDUPE_ALL, MAX_LISTED_INVALID } from './fan-out-request.js';

/** Recipients of one request. */
export interface Chunk<Item = string> {
  /** In the order of reading, from 0. */
  readonly index: number;
  readonly recipients: readonly Item[];
}

/**
 * Time after which reading lets the event loop do other work, in milliseconds. A source that is always ready must not
 * block sockets and other calls. A turn for each chunk would make a tenth of a fan-out's work. In a fresh process, a
 * chunk and its request take longer than this, and the first requests leave a few turns after they were made.
 */
const READING_MS = 1;
/** Items after which that time is looked at. A look for each item would be much of its cost. */
const LOOK_EVERY = 100;

export type Dedupe = 'chunk' | 'all' | 'none';

/** What is wrong with something in a source. */
export class InvalidItem {
  constructor(readonly message: string) {}
}

/**
 * What is to be sent of something in a source, or why nothing is. Undefined for a user who is left out, see
 * `FanOutRequest.skipAbsent`.
 */
export type ReadItem<Item> = (value: unknown, position: number) => Item | InvalidItem | undefined;

export const readId: ReadItem<string> = (value) =>
  isId(value) ? value : new InvalidItem(idProblem(value) ?? 'is no user ID');

/** How reading differs from that of a plain list of user IDs. */
export interface ReadingOptions<Item> {
  /** How many different IDs are kept at most, to find duplicates among `all`. */
  readonly maxSeen?: number;
  readonly readItem?: ReadItem<Item>;
}

/**
 * Reads recipients into chunks. Concurrent callers get one chunk after another, and nothing is read ahead. It counts
 * what it reads. Items that were read and not handed out can be taken when it ends.
 */
export class RecipientChunks<Item = string> {
  input = 0;
  duplicates = 0;
  invalidCount = 0;
  /** The first invalid items. */
  readonly invalid: InvalidRecipient[] = [];
  /** Undefined if absent users are not left out. */
  absent: number | undefined;
  /** Whether the source was read to its end. */
  isComplete = false;
  /** Whether nothing more is read from the source. */
  isAtEnd = false;
  #iterator: Iterator<unknown> | AsyncIterator<unknown> | undefined;
  readonly #seenInChunk = new DistinctIds();
  readonly #seen = new Set<string>();
  #pending: Item[] = [];
  /** Items that arrive now are too late to be counted. */
  #closed = false;
  readonly #stopped = new Cancellation();
  /** A generator serves concurrent calls one after another. */
  readonly #chunks = this.#read();
  readonly #maxSeen: number;
  readonly #readItem: ReadItem<Item>;

  constructor(
    private readonly source: Iterable<unknown> | AsyncIterable<unknown>,
    private readonly chunkSize: number,
    private readonly dedupe: Dedupe,
    { maxSeen = MAX_DEDUPE_ALL, readItem }: ReadingOptions<Item> = {},
  ) {
    this.#maxSeen = maxSeen;
    this.#readItem = readItem ?? (readId as ReadItem<Item>);
  }

  /**
   * The next chunk, or undefined when there is none or soon after a stop: a source may hang. Rejects with what the source
   * throws.
   */
  async next(): Promise<Chunk<Item> | undefined> {
    try {
      return (await waitFor(this.#chunks.next(), Infinity, this.#stopped)).value;
    } catch (error) {
      if (error instanceof Interrupted) return undefined;
      throw error;
    }
  }

  /** Stops reading. The source is closed without waiting for it, since it may hang. */
  stop(): void {
    this.#stopped.cancel();
    this.#close();
  }

  /** Takes the items that were read and not handed out. */
  takeRest(): readonly Item[] {
    this.#closed = true;
    return this.#pending.splice(0);
  }

  /** A source that has ended or has thrown is not closed. */
  #close(): void {
    if (!this.isAtEnd) void (async () => this.#iterator?.return?.())().catch(() => undefined);
    this.isAtEnd = true;
  }

  async *#read(): AsyncGenerator<Chunk<Item>, undefined> {
    let index = 0;
    let readsSince = performance.now();
    try {
      while (!this.isAtEnd) {
        this.#iterator ??= open(this.source);
        const next: unknown = this.#iterator.next();
        // A microtask for each of a million array elements would be most of the work.
        this.#take(isObject(next) && 'then' in next ? await next : next);
        const recipients = this.#pending;
        const isFull = recipients.length === this.chunkSize || (this.isAtEnd && recipients.length > 0);
        if (isFull && !this.#stopped.isCancelled) {
          this.#pending = [];
          this.#seenInChunk.clear();
          yield { index: index++, recipients };
        }
        if (!isFull && this.input % LOOK_EVERY !== 0) continue;
        if (performance.now() - readsSince < READING_MS) continue;
        await new Promise(setImmediate);
        readsSince = performance.now();
      }
    } catch (error) {
      this.isAtEnd = true;
      // The chunks before it are being sent by then.
      await new Promise(setImmediate);
      throw error;
    }
  }

  #take(step: unknown): void {
    // As `for await` does: of anything else, what is not done would be read for ever.
    if (!isObject(step)) throw new TypeError("An iterator's next() must give { value, done }");
    const { done, value } = step as IteratorResult<unknown>;
    if (done === true) {
      this.isComplete = !this.#stopped.isCancelled;
      this.isAtEnd = true;
    } else if (!this.#closed) this.#add(value);
  }

  #add(value: unknown): void {
    const position = this.input++;
    const item = this.#readItem(value, position);
    if (item instanceof InvalidItem) {
      this.invalidCount += 1;
      if (this.invalid.length < MAX_LISTED_INVALID) this.invalid.push({ position, message: item.message });
      return;
    }
    if (item === undefined) {
      this.absent = (this.absent ?? 0) + 1;
      return;
    }
    if (!this.#isNew(item)) {
      this.duplicates += 1;
      return;
    }
    this.#pending.push(item);
    if (this.#seen.size > this.#maxSeen) {
      this.#close();
      const message = `has more than ${this.#maxSeen} different users, which dedupe: 'all' can't hold`;
      throw new RtcValidationError([{ path: 'to', message }]);
    }
  }

  #isNew(item: Item): boolean {
    // Only user IDs are compared.
    if (this.dedupe === 'chunk') return this.#seenInChunk.add(item as string, this.#pending as string[]);
    if (this.dedupe === 'none') return true;
    const { size } = this.#seen;
    // One operation, since a lookup takes as long as an insertion.
    return this.#seen.add(item as string).size > size;
  }
}

/** Chooses the iterator like `for await`. */
function open(
  source: Iterable<unknown> | AsyncIterable<unknown>,
): Iterator<unknown> | AsyncIterator<unknown> {
  const { [Symbol.asyncIterator]: openAsync } = source as Partial<AsyncIterable<unknown>>;
  return typeof openAsync === 'function'
    ? openAsync.call(source)
    : (source as Iterable<unknown>)[Symbol.iterator]();
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}
