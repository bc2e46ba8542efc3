import { createHash, randomBytes } from 'node:crypto';
import { isId } from '../dto/field-rules.js';
import { CountTable } from './count-table.js';
import type { EmulatedMessage } from './read-message.js';
import { fingerprint, FINGERPRINT_WORDS } from './recipient-fingerprint.js';

/** Someone got the same message more than once. */
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

/** What a counter of recipients may take up. */
export interface RecipientCountsLimits {
  /** Of each of four tables. When one is full, two that are older are forgotten. */
  readonly tableBytes: number;
  /** Of the list of duplicates. */
  readonly listBytes: number;
}

/** What a listed duplicate takes up, with the keys by which it is found. */
const DUPLICATE_BYTES = 1_024;
/** What was counted until a table was full. */
class Generation {
  /** By room, sender, kind, content and user: who got the same message more than once. */
  readonly pairs: CountTable;
  /** By content and user, for `count()`. */
  readonly byContent: CountTable;
  /** Of its pairs, how many a later generation goes on with. */
  continued = 0;

  constructor(tableBytes: number) {
    this.pairs = new CountTable(tableBytes);
    this.byContent = new CountTable(tableBytes);
  }
}

/**
 * Counts, per user and message, how often the one got the other, as the messages come, so that a test can ask whether
 * anyone got anything twice. Messages count as the same when room, sender, kind and content are.
 */
export class RecipientCounts {
  readonly #secret = randomBytes(16);
  readonly #pair = new Uint32Array(FINGERPRINT_WORDS);
  readonly #content = new Uint32Array(FINGERPRINT_WORDS);
  #current: Generation;
  #previous: Generation;
  readonly #duplicates = new Map<string, { -readonly [name in keyof Duplicate]: Duplicate[name] }>();
  #duplicateCount = 0;
  #everListed = 0;
  #total = 0;
  #forgotten = 0;
  #unlisted = 0;

  /** @internal Counts come from the emulator. */
  constructor(private readonly limits: RecipientCountsLimits) {
    this.#current = this.#previous = new Generation(limits.tableBytes);
  }

  /** All of them: one for each user of each message. It stays exact, whatever is forgotten. */
  get total(): number {
    return this.#total;
  }

  /** How many users got a message more than once, a user of two such messages counting twice. */
  get duplicateCount(): number {
    return this.#duplicateCount;
  }

  /** @internal Pairs of a user and a message that are not known any more: `count()` is too low for them. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** @internal Duplicates that are counted, but no longer listed. */
  get unlisted(): number {
    return this.#unlisted;
  }

  /** @internal The number of the first duplicate that is listed, of all that ever were. */
  get firstListed(): number {
    return this.#everListed - this.#duplicates.size;
  }

  /** @internal Counts the users that a message is for. */
  add(sent: EmulatedMessage, to: readonly string[]): void {
    const count = this.counterOf(sent);
    for (const userId of to) count(userId);
  }

  /** @internal Counts those who get a message, one at a time. */
  counterOf({ roomId, from, message }: EmulatedMessage): (userId: string) => void {
    const messageSha256 = sha256(message);
    const ofPair = this.#key(messageSha256, JSON.stringify([roomId ?? null, from, typeof message]));
    const ofContent = this.#key(messageSha256);
    return (userId) => {
      this.#total += 1;
      fingerprint(userId, ofPair, this.#pair);
      fingerprint(userId, ofContent, this.#content);
      const times = this.#increase();
      if (times > 1) this.#list(roomId, userId, messageSha256, times);
    };
  }

  /** How often a user got a message, in any room and from anyone. */
  count(userId: string, message: string | Uint8Array): number {
    if (!isId(userId)) return 0;
    fingerprint(userId, this.#key(sha256(message)), this.#content);
    return this.#timesOf('byContent', this.#content);
  }

  /** Everyone who got something more than once; of very many, those who did last. */
  duplicates(): Duplicate[] {
    return Array.from(this.#duplicates.values(), (duplicate) => ({ ...duplicate }));
  }

  /** Forgets all. */
  clear(): void {
    this.#current = this.#previous = new Generation(this.limits.tableBytes);
    this.#duplicates.clear();
    this.#duplicateCount = this.#everListed = this.#total = this.#forgotten = this.#unlisted = 0;
  }

  /** @returns how often the pair whose fingerprints were written last has now been counted */
  #increase(): number {
    const times = this.#timesOf('pairs', this.#pair) + 1;
    const ofContent = this.#timesOf('byContent', this.#content) + 1;
    const set = (): boolean =>
      this.#current.byContent.set(this.#content, ofContent) && this.#current.pairs.set(this.#pair, times);
    const isContinued = times > 1 && this.#current.pairs.get(this.#pair) === 0;
    if (isContinued) this.#previous.continued += 1;
    if (!set()) {
      this.#turn();
      set();
    }
    return times;
  }

  #timesOf(table: 'pairs' | 'byContent', words: Uint32Array): number {
    const times = this.#current[table].get(words);
    // Before the first turn, they are the same.
    return times > 0 || this.#previous === this.#current ? times : this.#previous[table].get(words);
  }

  /** Begins new tables, and forgets those before the last. */
  #turn(): void {
    if (this.#previous !== this.#current) {
      this.#forgotten += this.#previous.pairs.size - this.#previous.continued;
    }
    this.#previous = this.#current;
    this.#current = new Generation(this.limits.tableBytes);
  }

  /** Of the user whose fingerprint was written last. */
  #list(roomId: string | undefined, userId: string, messageSha256: string, times: number): void {
    if (times === 2) this.#duplicateCount += 1;
    const key = textOf(this.#pair);
    const listed = this.#duplicates.get(key);
    if (listed !== undefined) {
      listed.times = Math.max(listed.times, times);
      return;
    }
    if (times > 2) this.#unlisted -= 1;
    this.#everListed += 1;
    this.#duplicates.set(key, { ...(roomId !== undefined && { roomId }), userId, messageSha256, times });
    const { listBytes } = this.limits;
    if (this.#duplicates.size * DUPLICATE_BYTES <= listBytes) return;
    // More than one at a time, since it takes a while to find the first of a map from which many were taken.
    for (const [oldest] of this.#duplicates) {
      if (this.#duplicates.size * DUPLICATE_BYTES <= listBytes * 0.9) break;
      this.#duplicates.delete(oldest);
      this.#unlisted += 1;
    }
  }

  #key(messageSha256: string, variant = ''): Uint32Array {
    const digest = createHash('sha256').update(this.#secret).update(messageSha256).update(variant).digest();
    return Uint32Array.from([0, 4, 8, 12], (offset) => digest.readUInt32LE(offset));
  }
}

function sha256(message: string | Uint8Array): string {
  return createHash('sha256').update(message).digest('hex');
}

/** A fingerprint as the key of a map. */
function textOf(words: Uint32Array): string {
  const [first = 0, second = 0, third = 0] = words;
  return String.fromCharCode(
    first & 0xffff,
    first >>> 16,
    second & 0xffff,
    second >>> 16,
    third & 0xffff,
    third >>> 16,
  );
}
