import { FINGERPRINT_WORDS } from './recipient-fingerprint.js';

/** 256 shards, by the eight highest bits of a hash. */
const SHARD_SHIFT = 24;
/** Where each part of a slot is, in words. A slot without times is free. */
const KIND = FINGERPRINT_WORDS;
export const TIMES = KIND + FINGERPRINT_WORDS;
export const TOTAL = TIMES + 1;
const SLOT_WORDS = TOTAL + 1;
const FIRST_SLOTS = 8;
const MAX_LOAD = 0.8;

const NO_SLOTS = new Uint32Array(0);

interface Shard {
  slots: Uint32Array;
  size: number;
}

/**
 * Counts by fingerprint in typed arrays outside the heap, 32 bytes a slot. So millions of counts neither fill the heap
 * nor slow its garbage collection. It consists of many small tables, so that none takes long to grow. A lookup in a
 * large table mostly waits for memory, so all parts of an entry are in one slot. A table is at one entry at a time, to
 * which {@link find} and {@link open} move it.
 */
export class CountTable {
  readonly #shards: (Shard | undefined)[] = [];
  #slots: Uint32Array = NO_SLOTS;
  #at = 0;
  #bytes = 0;
  /** How many entries there are. */
  size = 0;
  /** Of these, how many a later table goes on with. */
  continued = 0;

  constructor(private readonly maxBytes: number) {}

  /** Moves to where a fingerprint is. @returns false if it is not there */
  find(words: Uint32Array): boolean {
    const hash = hashOf(words);
    this.#slots = this.#shards[hash >>> SHARD_SHIFT]?.slots ?? NO_SLOTS;
    this.#at = slotOf(this.#slots, words, hash);
    return this.get(TIMES) > 0;
  }

  /**
   * Moves to where a fingerprint is. One that is not there goes on with what an earlier table says, or has no times yet,
   * which is to be given some at once.
   * @returns false if there is no room for one more
   */
  open(words: Uint32Array, earlier?: CountTable): boolean {
    if (this.find(words)) return true;
    const hash = hashOf(words);
    const shard = (this.#shards[hash >>> SHARD_SHIFT] ??= { slots: NO_SLOTS, size: 0 });
    if ((shard.size + 1) * SLOT_WORDS > shard.slots.length * MAX_LOAD) {
      if (!this.#grow(shard)) return false;
      this.find(words);
    }
    shard.size += 1;
    this.size += 1;
    if (earlier?.find(words) === true) {
      earlier.continued += 1;
      copy(earlier.#slots, earlier.#at, this.#slots, this.#at, SLOT_WORDS);
    } else copy(words, 0, this.#slots, this.#at);
    return true;
  }

  /** 0 times: it has just been opened. */
  get(count: typeof TIMES | typeof TOTAL): number {
    return this.#slots[this.#at + count] ?? 0;
  }

  /** @returns how many it then are */
  increase(count: typeof TIMES | typeof TOTAL): number {
    return (this.#slots[this.#at + count] = this.get(count) + 1);
  }

  /** What it is that `TIMES` counts; `TOTAL` is of all kinds. */
  setKind(kind: Uint32Array): void {
    copy(kind, 0, this.#slots, this.#at + KIND);
  }

  isOfKind(kind: Uint32Array): boolean {
    return equals(kind, this.#slots, this.#at + KIND);
  }

  #grow(shard: Shard): boolean {
    const { slots } = shard;
    const length = slots.length === 0 ? FIRST_SLOTS * SLOT_WORDS : slots.length * 2;
    const bytes = this.#bytes - slots.byteLength + length * Uint32Array.BYTES_PER_ELEMENT;
    if (bytes > this.maxBytes) return false;
    this.#bytes = bytes;
    shard.slots = new Uint32Array(length);
    const words = new Uint32Array(FINGERPRINT_WORDS);
    for (let from = 0; from < slots.length; from += SLOT_WORDS) {
      if (slots[from + TIMES] === 0) continue;
      copy(slots, from, words, 0);
      copy(slots, from, shard.slots, slotOf(shard.slots, words, hashOf(words)), SLOT_WORDS);
    }
    return true;
  }
}

/** Its high bits choose the shard, its low ones the slot: each depends on all bits of the first word (MurmurHash3). */
function hashOf(words: Uint32Array): number {
  let hash = words[0] ?? 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** Where a fingerprint is, or would be; -1 if there is no slot at all. */
function slotOf(slots: Uint32Array, words: Uint32Array, hash: number): number {
  if (slots.length === 0) return -1;
  const mask = slots.length - SLOT_WORDS;
  let at = (hash * SLOT_WORDS) & mask;
  while (slots[at + TIMES] !== 0 && !equals(words, slots, at)) at = (at + SLOT_WORDS) & mask;
  return at;
}

// Word by word: for so few, `set` and `subarray` take longer than all else.

function equals(words: Uint32Array, slots: Uint32Array, at: number): boolean {
  return words[0] === slots[at] && words[1] === slots[at + 1] && words[2] === slots[at + 2];
}

function copy(
  from: Uint32Array,
  fromAt: number,
  to: Uint32Array,
  toAt: number,
  count = FINGERPRINT_WORDS,
): void {
  for (let word = 0; word < count; word += 1) to[toAt + word] = from[fromAt + word] ?? 0;
}
