import { createHash, hash, randomBytes } from 'node:crypto';
import { isId, MAX_ID_LENGTH } from '../dto/field-rules.js';
import { BoundedList } from './bounded-list.js';
import type { EmulatedMessage } from './read-message.js';
import { FINGERPRINT_WORDS, RecentCounts } from './recent-counts.js';

/** A user who got the same message more than once. */
export interface Duplicate {
  /** Absent for messages outside of rooms. */
  readonly roomId?: string;
  /** Who got it. */
  readonly userId: string;
  /** SHA-256 of the message, in hexadecimal. */
  readonly messageSha256: string;
  /** How often: 2 or more. */
  readonly times: number;
}

export type CountedMessage = Pick<EmulatedMessage, 'roomId' | 'from' | 'message'>;

/** What a listed duplicate takes up at most, with the key by which it is counted. */
const DUPLICATE_BYTES = 512;

interface ListedDuplicate extends Omit<Duplicate, 'times'> {
  readonly content: Int32Array;
  readonly message: Int32Array;
}

/**
 * Counts how often each user got each message, so that a test can ask whether anyone got anything twice. Messages are
 * the same if room, sender, kind and content are equal.
 *
 * A user and a message, or its content alone, are one fingerprint: that of the user ID (ASCII) XOR a keyed hash. Each
 * word of the user's is the sum of the characters' codes, each times a secret number of its place (multilinear hashing,
 * Carter and Wegman, 1979), which takes a few nanoseconds a character. Any two IDs, whoever chose them, share a word
 * once in 2^26 times and all three once in 2^78: of ten million, two do once in 10^9 times.
 */
export class RecipientCounts {
  readonly #secret = randomBytes(16);
  /** Of each place in a user ID. */
  readonly #factors = new Int32Array(
    new Uint8Array(randomBytes(MAX_ID_LENGTH * FINGERPRINT_WORDS * 4)).buffer,
  );
  readonly #user = new Int32Array(FINGERPRINT_WORDS);
  readonly #pair = new Int32Array(FINGERPRINT_WORDS);
  /** @internal */
  readonly listed: BoundedList<ListedDuplicate>;
  /**
   * By content and user, in any room and from anyone, where the owner is the message. By message and user only for the
   * messages of which the user had got the content in another one.
   */
  readonly #counts: RecentCounts;
  #duplicateCount = 0;
  #total = 0;

  /**
   * @internal Counts come from the emulator.
   * @param tableBytes of each of two generations of counts: when one is full, the one before it is forgotten
   * @param listBytes of the list of duplicates
   */
  constructor(tableBytes: number, listBytes: number) {
    this.#counts = new RecentCounts(tableBytes);
    this.listed = new BoundedList(listBytes);
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
    return this.#counts.forgotten;
  }

  /** @internal Counts those who get a message: each of them as often as they are named. */
  add({ roomId, from, message }: CountedMessage, to: readonly string[]): void {
    const messageSha256 = hash('sha256', message, 'hex');
    const contentKey = this.#key(messageSha256);
    const messageKey = this.#key(JSON.stringify([messageSha256, roomId ?? null, from, typeof message]));
    for (const userId of to) {
      this.#total += 1;
      this.#read(userId);
      const times =
        this.#counts.increase(this.#pairWith(contentKey), messageKey) ??
        this.#counts.increase(this.#pairWith(messageKey), messageKey);
      if (times !== 2) continue;
      this.#duplicateCount += 1;
      const place = roomId === undefined ? {} : { roomId };
      this.listed.add(
        { ...place, userId, messageSha256, content: contentKey, message: messageKey },
        DUPLICATE_BYTES,
      );
    }
  }

  /** How often a user got a message, in any room and from anyone. */
  count(userId: string, message: string | Uint8Array): number {
    if (!isId(userId)) return 0;
    this.#read(userId);
    return this.#counts.get(this.#pairWith(this.#key(hash('sha256', message, 'hex'))));
  }

  /** The duplicates. If there are very many, the latest ones. */
  duplicates(): Duplicate[] {
    return this.listed.items.map((listed) => this.timed(listed));
  }

  /** @internal A listed duplicate, with how often it is counted by now. */
  timed({ content, message, ...duplicate }: ListedDuplicate): Duplicate {
    this.#read(duplicate.userId);
    const times =
      this.#counts.shareOf(message, this.#pairWith(content)) ?? this.#counts.get(this.#pairWith(message));
    return { ...duplicate, times: Math.max(2, times) };
  }

  /** Forgets all. */
  clear(): void {
    for (const kept of [this.#counts, this.listed]) kept.clear();
    this.#duplicateCount = this.#total = 0;
  }

  #read(userId: string): void {
    const [factors, user] = [this.#factors, this.#user];
    user.fill(0);
    for (let index = 0, at = 0; index < userId.length; index += 1) {
      const code = userId.charCodeAt(index);
      for (let word = 0; word < FINGERPRINT_WORDS; word += 1, at += 1) {
        user[word] = (user[word] ?? 0) + Math.imul(factors[at] ?? 0, code);
      }
    }
  }

  /** What is known of a key is secret, and as good as random. */
  #pairWith(key: Int32Array): Int32Array {
    for (let word = 0; word < FINGERPRINT_WORDS; word += 1) {
      this.#pair[word] = (this.#user[word] ?? 0) ^ (key[word] ?? 0);
    }
    return this.#pair;
  }

  #key(text: string): Int32Array {
    const digest = createHash('sha256').update(this.#secret).update(text).digest();
    return Int32Array.from([0, 4, 8], (offset) => digest.readInt32LE(offset));
  }
}
