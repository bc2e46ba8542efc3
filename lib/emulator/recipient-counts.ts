import { createHash, hash, randomBytes } from 'node:crypto';
import { isId } from '../dto/field-rules.js';
import { BoundedList } from './bounded-list.js';
import { CountTable } from './count-table.js';
import { FINGERPRINT_WORDS, Fingerprints } from './recipient-fingerprint.js';

/** A user who got the same message more than once. */
export interface Duplicate {
  /** Who got it. */
  readonly userId: string;
  /** SHA-256 of the message, in hexadecimal. */
  readonly messageSha256: string;
  /** How often: 2 or more. */
  readonly times: number;
}

/** What a counter of recipients may take up. */
export interface RecipientCountsLimits {
  /** Of each of two tables. When one is full, the one before it is forgotten. */
  readonly tableBytes: number;
  /** Of the list of duplicates. */
  readonly listBytes: number;
}

/** What a listed duplicate takes up at most, with the key by which it is counted. */
const DUPLICATE_BYTES = 512;

interface ListedDuplicate extends Omit<Duplicate, 'times'> {
  readonly pair: Uint32Array;
}

/**
 * Counts how often each user got each message, so that a test can ask whether anyone got anything twice. Messages are
 * the same if their contents are equal, in whatever room and from whomever.
 */
export class RecipientCounts {
  readonly #secret = randomBytes(16);
  readonly #fingerprints = new Fingerprints();
  /** A message and a user. */
  readonly #pair = new Uint32Array(FINGERPRINT_WORDS);
  readonly #listed: BoundedList<ListedDuplicate>;
  #current: CountTable;
  #previous: CountTable | undefined;
  #duplicateCount = 0;
  #total = 0;
  #forgotten = 0;

  /** @internal Counts come from the emulator. */
  constructor(private readonly limits: RecipientCountsLimits) {
    this.#current = new CountTable(limits.tableBytes);
    this.#listed = new BoundedList(limits.listBytes);
  }

  /** All of them: one for each user of each message. It stays exact, whatever is forgotten. */
  get total(): number {
    return this.#total;
  }

  /** Number of duplicates: pairs of a user and a message that the user got more than once. */
  get duplicateCount(): number {
    return this.#duplicateCount;
  }

  /** @internal Pairs of a user and a message that are not known any more: `count()` is too low for them. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** @internal Duplicates that are counted, but no longer listed. */
  get unlisted(): number {
    return this.#listed.dropped;
  }

  /** @internal Counts those who get a message: each of them as often as they are named. */
  add(message: string | Uint8Array, to: readonly string[]): void {
    const messageSha256 = hash('sha256', message, 'hex');
    const key = this.#key(messageSha256);
    for (const userId of to) {
      this.#total += 1;
      this.#fingerprints.write(userId, key, this.#pair);
      if (this.#increase() !== 2) continue;
      this.#duplicateCount += 1;
      this.#listed.add({ userId, messageSha256, pair: this.#pair.slice() }, DUPLICATE_BYTES);
    }
  }

  /** How often a user got a message, in any room and from anyone. */
  count(userId: string, message: string | Uint8Array): number {
    if (!isId(userId)) return 0;
    this.#fingerprints.write(userId, this.#key(hash('sha256', message, 'hex')), this.#pair);
    return this.#timesOf(this.#pair);
  }

  /** The duplicates. If there are very many, the latest ones. */
  duplicates(): Duplicate[] {
    return this.#listed.items.map(({ userId, messageSha256, pair }) => {
      return { userId, messageSha256, times: Math.max(2, this.#timesOf(pair)) };
    });
  }

  /** Forgets all. */
  clear(): void {
    this.#current = new CountTable(this.limits.tableBytes);
    this.#previous = undefined;
    this.#listed.clear();
    this.#duplicateCount = this.#total = this.#forgotten = 0;
  }

  #timesOf(pair: Uint32Array): number {
    return this.#current.get(pair) || (this.#previous?.get(pair) ?? 0);
  }

  /** Counts the pair that was written last. When the table is full, it forgets the one before, and begins a new one. */
  #increase(): number {
    const times = this.#current.increase(this.#pair, this.#previous);
    if (times > 0) return times;
    if (this.#previous !== undefined) this.#forgotten += this.#previous.size - this.#previous.continued;
    this.#previous = this.#current;
    this.#current = new CountTable(this.limits.tableBytes);
    return this.#current.increase(this.#pair, this.#previous);
  }

  #key(messageSha256: string): Uint32Array {
    const digest = createHash('sha256').update(this.#secret).update(messageSha256).digest();
    return Uint32Array.from([0, 4, 8], (offset) => digest.readUInt32LE(offset));
  }
}
