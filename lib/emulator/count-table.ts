import { FINGERPRINT_WORDS } from './recipient-fingerprint.js';

const SHARDS = 256;
const SLOT_WORDS = FINGERPRINT_WORDS + 1;
const FIRST_SLOTS = 16;
const MAX_LOAD = 0.8;

interface Shard {
  slots: Uint32Array;
  size: number;
}

/**
 * A count for each fingerprint, in typed arrays: 16 bytes a slot, outside of the heap, so that millions neither fill it
 * nor hold up its garbage collection. It is many small tables, so that none is long in growing.
 */
export class CountTable {
  readonly #shards: (Shard | undefined)[] = [];
  #bytes = 0;
  #size = 0;

  constructor(private readonly maxBytes: number) {}

  /** How many have a count. */
  get size(): number {
    return this.#size;
  }

  /** 0 for one that is not there. */
  get(words: Uint32Array): number {
    const shard = this.#shards[shardOf(words)];
    return shard === undefined ? 0 : (shard.slots[find(shard.slots, words) + FINGERPRINT_WORDS] ?? 0);
  }

  /** Sets a count of 1 or more. @returns false if there is no room for one more */
  set(words: Uint32Array, count: number): boolean {
    const index = shardOf(words);
    const shard = (this.#shards[index] ??= { slots: new Uint32Array(0), size: 0 });
    let at = find(shard.slots, words);
    if (at < 0 || shard.slots[at + FINGERPRINT_WORDS] === 0) {
      if ((shard.size + 1) * SLOT_WORDS > shard.slots.length * MAX_LOAD) {
        if (!this.#grow(shard)) return false;
        at = find(shard.slots, words);
      }
      shard.size += 1;
      this.#size += 1;
    }
    write(shard.slots, at, words, count);
    return true;
  }

  #grow(shard: Shard): boolean {
    const { slots } = shard;
    const length = slots.length === 0 ? FIRST_SLOTS * SLOT_WORDS : slots.length * 2;
    const bytes = this.#bytes - slots.byteLength + length * Uint32Array.BYTES_PER_ELEMENT;
    if (bytes > this.maxBytes) return false;
    this.#bytes = bytes;
    shard.slots = new Uint32Array(length);
    for (let from = 0; from < slots.length; from += SLOT_WORDS) {
      const count = slots[from + FINGERPRINT_WORDS] ?? 0;
      if (count === 0) continue;
      const words = slots.subarray(from, from + FINGERPRINT_WORDS);
      write(shard.slots, find(shard.slots, words), words, count);
    }
    return true;
  }
}

function shardOf(words: Uint32Array): number {
  return (words[0] ?? 0) % SHARDS;
}

/** Where a fingerprint is, or would be; -1 if there is no slot at all. */
function find(slots: Uint32Array, words: Uint32Array): number {
  const mask = slots.length / SLOT_WORDS - 1;
  if (mask < 0) return -1;
  const [first = 0, second = 0, third = 0] = words;
  for (let slot = second & mask; ; slot = (slot + 1) & mask) {
    const at = slot * SLOT_WORDS;
    if (slots[at + FINGERPRINT_WORDS] === 0) return at;
    if (slots[at] === first && slots[at + 1] === second && slots[at + 2] === third) return at;
  }
}

function write(slots: Uint32Array, at: number, words: Uint32Array, count: number): void {
  slots.set(words, at);
  slots[at + FINGERPRINT_WORDS] = count;
}
