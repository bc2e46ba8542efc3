import { FINGERPRINT_WORDS } from './recipient-fingerprint.js';

const { imul } = Math;
/** By the eight highest bits of a hash. */
const SHARDS = 256;
const SHARD_SHIFT = 24;
/** Where the count of a slot is, after the fingerprint. A slot without a count is free. */
const COUNT = FINGERPRINT_WORDS;
const SLOT_WORDS = COUNT + 1;
const FIRST_WORDS = 8 * SLOT_WORDS;
const MAX_LOAD = 0.8;

interface Shard {
  /** Between half of the largest load and all of it. With the same load, all tables would grow at once. */
  readonly growsAt: number;
  slots: Uint32Array;
  size: number;
  /** The table before it, whose entries are forgotten next. */
  previous: Uint32Array;
  /** How many of these are in no later one. */
  leftBehind: number;
}

/**
 * Counts by fingerprint in typed arrays outside the heap, 16 bytes a slot. So millions of counts neither fill the heap
 * nor slow its garbage collection. There are many small tables, so that none takes long to grow. When one is full, a
 * new one begins, and the one before it is forgotten.
 */
export class RecentCounts {
  readonly #shards: (Shard | undefined)[] = [];
  readonly #maxWords: number;
  /** How many fingerprints are not known any more. */
  forgotten = 0;

  /** @param maxBytes of all tables; those before them may take up as much */
  constructor(maxBytes: number) {
    this.#maxWords = 2 ** Math.floor(Math.log2(maxBytes / SHARDS / Uint32Array.BYTES_PER_ELEMENT));
  }

  get(words: Uint32Array): number {
    const hash = hashOf(words);
    const shard = this.#shards[hash >>> SHARD_SHIFT];
    if (shard === undefined) return 0;
    return countIn(shard.slots, words, hash) || countIn(shard.previous, words, hash);
  }

  /** Counts one more. @returns how many it then are */
  increase(words: Uint32Array): number {
    const hash = hashOf(words);
    const index = hash >>> SHARD_SHIFT;
    const shard = (this.#shards[index] ??= {
      growsAt: MAX_LOAD / 2 ** (index / SHARDS),
      slots: new Uint32Array(FIRST_WORDS),
      size: 0,
      previous: new Uint32Array(SLOT_WORDS),
      leftBehind: 0,
    });
    let at = slotOf(shard.slots, words, hash);
    let count = shard.slots[at + COUNT] ?? 0;
    if (count === 0) {
      const { length } = shard.slots;
      const load = length < this.#maxWords ? shard.growsAt : MAX_LOAD;
      if ((shard.size + 1) * SLOT_WORDS > length * load) {
        this.#makeRoom(shard);
        at = slotOf(shard.slots, words, hash);
      }
      copy(words, 0, shard.slots, at, FINGERPRINT_WORDS);
      shard.size += 1;
      count = countIn(shard.previous, words, hash);
      if (count > 0) shard.leftBehind -= 1;
    }
    return (shard.slots[at + COUNT] = count + 1);
  }

  clear(): void {
    this.#shards.length = this.forgotten = 0;
  }

  #makeRoom(shard: Shard): void {
    const { slots } = shard;
    if (slots.length >= this.#maxWords) {
      this.forgotten += shard.leftBehind;
      shard.leftBehind = shard.size;
      shard.previous = slots;
      shard.slots = new Uint32Array(FIRST_WORDS);
      shard.size = 0;
      return;
    }
    shard.slots = new Uint32Array(slots.length * 2);
    const words = new Uint32Array(FINGERPRINT_WORDS);
    for (let from = 0; from < slots.length; from += SLOT_WORDS) {
      if (slots[from + COUNT] === 0) continue;
      copy(slots, from, words, 0, FINGERPRINT_WORDS);
      copy(slots, from, shard.slots, slotOf(shard.slots, words, hashOf(words)), SLOT_WORDS);
    }
  }
}

/** Its high bits choose the shard, its low ones the slot: each depends on all bits of the first word (MurmurHash3). */
function hashOf(words: Uint32Array): number {
  let hash = words[0] ?? 0;
  hash = imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = imul(hash ^ (hash >>> 13), 0xc2b2ae35);
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

function countIn(slots: Uint32Array, words: Uint32Array, hash: number): number {
  return slots[slotOf(slots, words, hash) + COUNT] ?? 0;
}

/** Word by word: for so few, `set` and `subarray` take longer than all else. */
function copy(from: Uint32Array, fromAt: number, to: Uint32Array, toAt: number, count: number): void {
  for (let word = 0; word < count; word += 1) to[toAt + word] = from[fromAt + word] ?? 0;
}
