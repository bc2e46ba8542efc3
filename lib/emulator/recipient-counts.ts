import { createHash, randomBytes } from 'node:crypto';
import { isId } from '../dto/field-rules.js';
import { CountTable, TIMES, TOTAL } from './count-table.js';
import type { EmulatedMessage } from './read-message.js';
import { FINGERPRINT_WORDS, Fingerprints } from './recipient-fingerprint.js';

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

/** What a counter of recipients may take up. */
export interface RecipientCountsLimits {
  /** Of each of two tables. When one is full, the one before it is forgotten. */
  readonly tableBytes: number;
  /** Of the list of duplicates. */
  readonly listBytes: number;
}

/** What a listed duplicate takes up at most, with the key by which it is found. */
const DUPLICATE_BYTES = 512;

interface ListedDuplicate extends Omit<Duplicate, 'roomId'> {
  readonly roomId: string | undefined;
  times: number;
}

interface MessageKeys {
  readonly messageSha256: string;
  readonly content: Uint32Array;
  /** Room, sender and kind beside the content. */
  readonly kind: Uint32Array;
}

/**
 * Counts how often each user got each message, so that a test can ask whether anyone got anything twice. Messages are
 * the same if room, sender, kind and content are equal.
 */
export class RecipientCounts {
  readonly #secret = randomBytes(16);
  readonly #fingerprints = new Fingerprints();
  readonly #user = new Uint32Array(FINGERPRINT_WORDS);
  /** A message's content and a user: its first pair, and how often the one got the other in any room and from anyone. */
  readonly #content = new Uint32Array(FINGERPRINT_WORDS);
  /** A message, with its room, sender and kind, and a user. */
  readonly #pair = new Uint32Array(FINGERPRINT_WORDS);
  #current: CountTable;
  #previous: CountTable | undefined;
  /** In the order of being listed. */
  readonly #listed = new Map<number, ListedDuplicate>();
  #duplicateCount = 0;
  #everListed = 0;
  #total = 0;
  #forgotten = 0;

  /** @internal Counts come from the emulator. */
  constructor(private readonly limits: RecipientCountsLimits) {
    this.#current = new CountTable(limits.tableBytes);
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
    return this.#duplicateCount - this.#listed.size;
  }

  /** @internal The number of the first duplicate that is listed, of all that ever were. */
  get firstListed(): number {
    return this.#everListed - this.#listed.size;
  }

  /** @internal Counts the users that a message is for. */
  add(sent: EmulatedMessage, to: readonly string[]): void {
    const keys = this.#keysOf(sent);
    for (const userId of to) this.#count(userId, sent, keys);
  }

  /** @internal Counts those who get a message, one at a time. */
  counterOf(sent: EmulatedMessage): (userId: string) => void {
    const keys = this.#keysOf(sent);
    return (userId) => this.#count(userId, sent, keys);
  }

  /** How often a user got a message, in any room and from anyone. */
  count(userId: string, message: string | Uint8Array): number {
    if (!isId(userId)) return 0;
    this.#fingerprints.write(userId, this.#user);
    combine(this.#user, this.#key(sha256(message)), this.#content);
    const table = [this.#current, this.#previous].find((table) => table?.find(this.#content));
    return table?.get(TOTAL) ?? 0;
  }

  /** The duplicates. If there are very many, the latest ones. */
  duplicates(): Duplicate[] {
    return Array.from(this.#listed.values(), ({ roomId, ...duplicate }) => ({
      ...(roomId !== undefined && { roomId }),
      ...duplicate,
    }));
  }

  /** Forgets all. */
  clear(): void {
    this.#current = new CountTable(this.limits.tableBytes);
    this.#previous = undefined;
    this.#listed.clear();
    this.#duplicateCount = this.#everListed = this.#total = this.#forgotten = 0;
  }

  #keysOf({ roomId, from, message }: EmulatedMessage): MessageKeys {
    const messageSha256 = sha256(message);
    return {
      messageSha256,
      content: this.#key(messageSha256),
      kind: this.#key(messageSha256, JSON.stringify([roomId ?? null, from, typeof message])),
    };
  }

  #count(userId: string, { roomId }: EmulatedMessage, { messageSha256, content, kind }: MessageKeys): void {
    this.#total += 1;
    this.#fingerprints.write(userId, this.#user);
    combine(this.#user, content, this.#content);
    combine(this.#content, kind, this.#pair);
    let times = this.#increase(kind);
    if (times === 0) {
      this.#turn();
      times = this.#increase(kind);
    }
    if (times > 1) this.#list(roomId, userId, messageSha256, times);
  }

  /** Counts the pair that was written last. @returns how often it now has been, or 0 if there is no room for it */
  #increase(kind: Uint32Array): number {
    const [table, earlier] = [this.#current, this.#previous];
    if (!table.open(this.#content, earlier)) return 0;
    if (table.get(TIMES) === 0) table.setKind(kind);
    if (table.isOfKind(kind)) {
      table.increase(TOTAL);
      return table.increase(TIMES);
    }
    // The same content was sent to the same user before, in another room or by someone else.
    if (!table.open(this.#pair, earlier)) return 0;
    const times = table.increase(TIMES);
    table.open(this.#content);
    table.increase(TOTAL);
    return times;
  }

  /** Begins a new table, and forgets the one before the last. */
  #turn(): void {
    if (this.#previous !== undefined) this.#forgotten += this.#previous.size - this.#previous.continued;
    this.#previous = this.#current;
    this.#current = new CountTable(this.limits.tableBytes);
  }

  /** Of the user whose fingerprint was written last. */
  #list(roomId: string | undefined, userId: string, messageSha256: string, times: number): void {
    if (times === 2) this.#duplicateCount += 1;
    const key = numberOf(this.#pair);
    const listed = this.#listed.get(key);
    if (listed !== undefined) {
      listed.times = Math.max(listed.times, times);
      return;
    }
    this.#everListed += 1;
    this.#listed.set(key, { roomId, userId, messageSha256, times });
    if (this.#listed.size * DUPLICATE_BYTES <= this.limits.listBytes) return;
    // Half at a time, since it takes a while to find the first of a map from which many were taken.
    let left = Math.ceil(this.#listed.size / 2);
    for (const first of this.#listed.keys()) {
      if (left-- === 0) return;
      this.#listed.delete(first);
    }
  }

  #key(messageSha256: string, variant = ''): Uint32Array {
    const digest = createHash('sha256').update(this.#secret).update(messageSha256).update(variant).digest();
    return Uint32Array.from([0, 4, 8], (offset) => digest.readUInt32LE(offset));
  }
}

/** The fingerprint of a user and a message. What is known of a message is secret, and as good as random. */
function combine(user: Uint32Array, message: Uint32Array, into: Uint32Array): void {
  into[0] = (user[0] ?? 0) ^ (message[0] ?? 0);
  into[1] = (user[1] ?? 0) ^ (message[1] ?? 0);
  into[2] = (user[2] ?? 0) ^ (message[2] ?? 0);
}

function sha256(message: string | Uint8Array): string {
  return createHash('sha256').update(message).digest('hex');
}

/** As much of a fingerprint as a number holds, as the key of a map. */
function numberOf(words: Uint32Array): number {
  return (words[0] ?? 0) + ((words[1] ?? 0) & 0x1f_ffff) * 2 ** 32;
}
