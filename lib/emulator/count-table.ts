import { FINGERPRINT_WORDS } from './recipient-fingerprint.js';

/** 256 shards, by the eight highest bits of a hash. */
const SHARD_SHIFT = 24;
/** Where the count of a slot is, after the fingerprint. A slot without a count is free. */
const COUNT = FINGERPRINT_WORDS;
const SLOT_WORDS = COUNT + 1;
const FIRST_SLOTS = 8;
const MAX_LOAD = 0.8;

interface Shard {
  slots: Uint32Array;
  size: number;
}

/**
 * Counts by fingerprint in typed arrays outside the heap, 16 bytes a slot. So millions of counts neither fill the heap
 * nor slow its garbage collection. It consists of many small tables, so that none takes long to grow.
 */
export class CountTable {
  readonly #shards: (Shard | undefined)[] = [];
  #bytes = 0;
  /** How many entries there are. */
  size = 0;
  /** Of these, how many a later table goes on with. */
  continued = 0;

  constructor(private readonly maxBytes: number) {}

  get(words: Uint32Array): number {
    const hash = hashOf(words);
    const slots = this.#shards[hash >>> SHARD_SHIFT]?.slots;
    return slots?.[slotOf(slots, words, hash) + COUNT] ?? 0;
  }

  /**
   * Counts one more. An entry that is not there goes on with what an earlier table says.
   * @returns how many it then are, or 0 if there is no room for one more
   */
  increase(words: Uint32Array, earlier?: CountTable): number {
    const hash = hashOf(words);
    const shard = (this.#shards[hash >>> SHARD_SHIFT] ??= {
      slots: new Uint32Array(FIRST_SLOTS * SLOT_WORDS),
      size: 0,
    });
    let at = slotOf(shard.slots, words, hash);
    let count = shard.slots[at + COUNT] ?? 0;
    if (count === 0) {
      if ((shard.size + 1) * SLOT_WORDS > shard.slots.length * MAX_LOAD) {
        if (!this.#grow(shard)) return 0;
        at = slotOf(shard.slots, words, hash);
      }
      shard.size += 1;
      this.size += 1;
      copy(words, 0, shard.slots, at, FINGERPRINT_WORDS);
      count = earlier?.get(words) ?? 0;
      if (earlier !== undefined && count > 0) earlier.continued += 1;
    }
    return (shard.slots[at + COUNT] = count + 1);
  }

  #grow(shard: Shard): boolean {
    const { slots } = shard;
    const bytes = this.#bytes + slots.byteLength;
    if (bytes > this.maxBytes) return false;
    this.#bytes = bytes;
    shard.slots = new Uint32Array(slots.length * 2);
    const words = new Uint32Array(FINGERPRINT_WORDS);
    for (let from = 0; from < slots.length; from += SLOT_WORDS) {
      if (slots[from + COUNT] === 0) continue;
      copy(slots, from, words, 0, FINGERPRINT_WORDS);
      copy(slots, from, shard.slots, slotOf(shard.slots, words, hashOf(words)), SLOT_WORDS);
    }
    return true;
  }
}

/** Counts by fingerprint. When its table is full, the table before that is forgotten, and a new one begins. */
export class LatestCounts {
  #current: CountTable;
  #previous: CountTable | undefined;
  /** How many fingerprints are not known any more. */
  forgotten = 0;

  /** @param maxBytes of each of two tables */
  constructor(private readonly maxBytes: number) {
    this.#current = new CountTable(maxBytes);
  }

  get(words: Uint32Array): number {
    return this.#current.get(words) || (this.#previous?.get(words) ?? 0);
  }

  /** Counts one more. @returns how many it then are */
  increase(words: Uint32Array): number {
    const times = this.#current.increase(words, this.#previous);
    if (times > 0) return times;
    if (this.#previous !== undefined) this.forgotten += this.#previous.size - this.#previous.continued;
    this.#previous = this.#current;
    this.#current = new CountTable(this.maxBytes);
    return this.#current.increase(words, this.#previous);
  }
}

/** Its high bits choose the shard, its low ones the slot: each depends on all bits of the first word (MurmurHash3). */
function hashOf(words: Uint32Array): number {
  let hash = words[0] ?? 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** Where a fingerprint is, or would be. */
function slotOf(slots: Uint32Array, words: Uint32Array, hash: number): number {
  const mask = slots.length - SLOT_WORDS;
  let at = (hash * SLOT_WORDS) & mask;
  while (
    slots[at + COUNT] !== 0 &&
    (words[0] !== slots[at] || words[1] !== slots[at + 1] || words[2] !== slots[at + 2])
  ) {
    at = (at + SLOT_WORDS) & mask;
  }
  return at;
}

/** Word by word: for so few, `set` and `subarray` take longer than all else. */
function copy(from: Uint32Array, fromAt: number, to: Uint32Array, toAt: number, count: number): void {
  for (let word = 0; word < count; word += 1) to[toAt + word] = from[fromAt + word] ?? 0;
}
