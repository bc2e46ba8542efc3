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
  /** Of each of two tables, and a quarter of that of what names their messages: when one is full, the older one is forgotten. */
  readonly tableBytes: number;
  /** Of the list of duplicates. */
  readonly listBytes: number;
}

/** What a listed duplicate takes up, with the keys by which it is found. */
const DUPLICATE_BYTES = 1_024;
/** What each message takes up beside its users, … */
const MESSAGE_BYTES = 192;
/** … and each room, sender and kind. */
const VARIANT_BYTES = 512;

/** What was counted until a table was full. */
class Generation {
  readonly counts: CountTable;
  /** By message: in which room, from whom and of which kind it was; more than one are rare. */
  readonly #variants = new Map<string, string | Set<string>>();
  /** One string for all messages of a variant. */
  readonly #interned = new Map<string, string>();
  /** Of its counts, how many a later generation goes on with. */
  continued = 0;
  #bytesLeft: number;

  constructor(tableBytes: number) {
    this.counts = new CountTable(tableBytes);
    this.#bytesLeft = tableBytes / 4;
  }

  /** @returns false if there is no room for one more */
  note(message: string, variant: string): boolean {
    const known = this.#variants.get(message);
    if (known === variant || (known instanceof Set && known.has(variant))) return true;
    let one = this.#interned.get(variant);
    this.#bytesLeft -=
      MESSAGE_BYTES + (one === undefined || known !== undefined ? VARIANT_BYTES + variant.length : 0);
    if (this.#bytesLeft < 0) return false;
    if (one === undefined) this.#interned.set(variant, (one = variant));
    if (known instanceof Set) known.add(one);
    else this.#variants.set(message, known === undefined ? one : new Set([known, one]));
    return true;
  }

  variantsOf(message: string): Iterable<string> {
    const known = this.#variants.get(message) ?? [];
    return typeof known === 'string' ? [known] : known;
  }
}

/**
 * Counts, per user and message, how often the one got the other, as the messages come, so that a test can ask whether
 * anyone got anything twice. Messages count as the same when room, sender, kind and content are.
 */
export class RecipientCounts {
  readonly #secret = randomBytes(16);
  readonly #words = new Uint32Array(FINGERPRINT_WORDS);
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

  /** @internal */
  add({ roomId, from, message }: EmulatedMessage, to: readonly string[]): void {
    if (to.length === 0) return;
    const messageSha256 = sha256(message);
    const variant = JSON.stringify([roomId ?? null, from, typeof message]);
    const key = this.#key(messageSha256, variant);
    if (!this.#current.note(shortened(messageSha256), variant)) this.#turn(messageSha256, variant);
    for (const userId of to) {
      fingerprint(userId, key, this.#words);
      const times = this.#timesOf(this.#words) + 1;
      if (!this.#current.counts.set(this.#words, times)) {
        this.#turn(messageSha256, variant);
        this.#current.counts.set(this.#words, times);
      }
      if (times > 1) this.#list(roomId, userId, messageSha256, times);
    }
    this.#total += to.length;
  }

  /** How often a user got a message, in any room and from anyone. */
  count(userId: string, message: string | Uint8Array): number {
    if (!isId(userId)) return 0;
    const messageSha256 = sha256(message);
    const short = shortened(messageSha256);
    const variants = new Set([...this.#current.variantsOf(short), ...this.#previous.variantsOf(short)]);
    let sum = 0;
    for (const variant of variants) {
      fingerprint(userId, this.#key(messageSha256, variant), this.#words);
      sum += this.#current.counts.get(this.#words) || this.#previous.counts.get(this.#words);
    }
    return sum;
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

  #timesOf(words: Uint32Array): number {
    const times = this.#current.counts.get(words);
    if (times > 0 || this.#previous === this.#current) return times;
    const before = this.#previous.counts.get(words);
    if (before > 0) this.#previous.continued += 1;
    return before;
  }

  /** Begins a table, and forgets the one before the last. */
  #turn(messageSha256: string, variant: string): void {
    if (this.#previous !== this.#current) {
      this.#forgotten += this.#previous.counts.size - this.#previous.continued;
    }
    this.#previous = this.#current;
    this.#current = new Generation(this.limits.tableBytes);
    this.#current.note(shortened(messageSha256), variant);
  }

  /** Of the user whose fingerprint was written last. */
  #list(roomId: string | undefined, userId: string, messageSha256: string, times: number): void {
    if (times === 2) this.#duplicateCount += 1;
    const key = textOf(this.#words);
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

  #key(messageSha256: string, variant: string): Uint32Array {
    const digest = createHash('sha256').update(this.#secret).update(messageSha256).update(variant).digest();
    return Uint32Array.from([0, 4, 8, 12], (offset) => digest.readUInt32LE(offset));
  }
}

function sha256(message: string | Uint8Array): string {
  return createHash('sha256').update(message).digest('hex');
}

/** Half of the digest, in a byte a character. */
function shortened(messageSha256: string): string {
  return Buffer.from(messageSha256.slice(0, 32), 'hex').toString('latin1');
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
