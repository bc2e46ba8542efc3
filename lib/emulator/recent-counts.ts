const { imul } = Math;
/** How many words a fingerprint has. Words are signed, as V8 keeps only such without a box. */
export const FINGERPRINT_WORDS = 3;
/** By the eight highest bits of a hash. */
const SHARDS = 256;
const SHARD_SHIFT = 24;
/** What is in a slot after the fingerprint. A slot without a count is free. */
const COUNT = FINGERPRINT_WORDS;
const FIRST_OWNER = COUNT + 1;
const FIRST_OWNER_COUNT = FIRST_OWNER + FINGERPRINT_WORDS;
const SLOT_WORDS = FIRST_OWNER_COUNT + 1;
const FIRST_WORDS = 8 * SLOT_WORDS;
const MAX_LOAD = 0.8;

interface Shard {
  /** Between half of the largest load and all of it. With the same load, all tables would grow at once. */
  readonly growsAt: number;
  slots: Int32Array;
  size: number;
  /** The table before it, whose entries are forgotten next. */
  previous: Int32Array;
  /** How many of these are in no later one. */
  leftBehind: number;
}

/**
 * Counts by fingerprint in typed arrays outside the heap, 32 bytes a slot. So millions of counts neither fill the heap
 * nor slow its garbage collection. There are many small tables, so that none takes long to grow. When one is full, a
 * new one begins, and the one before it is forgotten.
 *
 * Each count has owners, and the share of the first owner is counted beside it. So one look in memory, which is what
 * counting takes, tells both in nearly all cases.
 */
export class RecentCounts {
  readonly #shards: (Shard | undefined)[] = [];
  readonly #maxWords: number;
  /** How many fingerprints are not known any more. */
  forgotten = 0;

  /** @param maxBytes of all tables; those before them may take up as much */
  constructor(maxBytes: number) {
    this.#maxWords = 2 ** Math.floor(Math.log2(maxBytes / SHARDS / Int32Array.BYTES_PER_ELEMENT));
  }

  get(words: Int32Array): number {
    const found = this.#find(words);
    return found === undefined ? 0 : (found.slots[found.at + COUNT] ?? 0);
  }

  /** The share of an owner: undefined if it is not the first, whose share is all that is known. */
  shareOf(owner: Int32Array, words: Int32Array): number | undefined {
    const found = this.#find(words);
    return found && shareIn(found.slots, found.at, owner);
  }

  /** Counts one more. @returns how many of the owner's they then are: undefined if the first owner is another */
  increase(words: Int32Array, owner: Int32Array): number | undefined {
    const hash = hashOf(words);
    const index = hash >>> SHARD_SHIFT;
    const shard = (this.#shards[index] ??= {
      growsAt: MAX_LOAD / 2 ** (index / SHARDS),
      slots: new Int32Array(FIRST_WORDS),
      size: 0,
      previous: new Int32Array(SLOT_WORDS),
      leftBehind: 0,
    });
    let at = slotOf(shard.slots, words, 0, hash);
    if (shard.slots[at + COUNT] === 0) {
      const { length } = shard.slots;
      const load = length < this.#maxWords ? shard.growsAt : MAX_LOAD;
      if ((shard.size + 1) * SLOT_WORDS > length * load) {
        this.#makeRoom(shard);
        at = slotOf(shard.slots, words, 0, hash);
      }
      shard.size += 1;
      const before = slotOf(shard.previous, words, 0, hash);
      if (shard.previous[before + COUNT] !== 0) {
        copy(shard.previous, before, shard.slots, at, SLOT_WORDS);
        shard.leftBehind -= 1;
      } else {
        copy(words, 0, shard.slots, at, FINGERPRINT_WORDS);
        copy(owner, 0, shard.slots, at + FIRST_OWNER, FINGERPRINT_WORDS);
      }
    }
    const { slots } = shard;
    slots[at + COUNT] = (slots[at + COUNT] ?? 0) + 1;
    const share = shareIn(slots, at, owner);
    return share === undefined ? undefined : (slots[at + FIRST_OWNER_COUNT] = share + 1);
  }

  clear(): void {
    this.#shards.length = this.forgotten = 0;
  }

  #find(words: Int32Array): { slots: Int32Array; at: number } | undefined {
    const hash = hashOf(words);
    const shard = this.#shards[hash >>> SHARD_SHIFT];
    for (const slots of shard === undefined ? [] : [shard.slots, shard.previous]) {
      const at = slotOf(slots, words, 0, hash);
      if (slots[at + COUNT] !== 0) return { slots, at };
    }
    return undefined;
  }

  #makeRoom(shard: Shard): void {
    const { slots } = shard;
    if (slots.length >= this.#maxWords) {
      this.forgotten += shard.leftBehind;
      Object.assign(shard, {
        slots: new Int32Array(FIRST_WORDS),
        size: 0,
        previous: slots,
        leftBehind: shard.size,
      } satisfies Omit<Shard, 'growsAt'>);
      return;
    }
    shard.slots = new Int32Array(slots.length * 2);
    for (let from = 0; from < slots.length; from += SLOT_WORDS) {
      if (slots[from + COUNT] === 0) continue;
      copy(slots, from, shard.slots, slotOf(shard.slots, slots, from, hashOf(slots, from)), SLOT_WORDS);
    }
  }
}

/** Its high bits choose the shard, its low ones the slot: each depends on all bits of the first word (MurmurHash3). */
function hashOf(words: Int32Array, from = 0): number {
  let hash = words[from] ?? 0;
  hash = imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** Where a fingerprint is, or would be. */
function slotOf(slots: Int32Array, words: Int32Array, from: number, hash: number): number {
  const mask = slots.length - SLOT_WORDS;
  let at = imul(hash, SLOT_WORDS) & mask;
  while (slots[at + COUNT] !== 0 && !areEqual(slots, at, words, from)) at = (at + SLOT_WORDS) & mask;
  return at;
}

function shareIn(slots: Int32Array, at: number, owner: Int32Array): number | undefined {
  return areEqual(slots, at + FIRST_OWNER, owner, 0) ? slots[at + FIRST_OWNER_COUNT] : undefined;
}

function areEqual(one: Int32Array, at: number, other: Int32Array, from: number): boolean {
  return one[at] === other[from] && one[at + 1] === other[from + 1] && one[at + 2] === other[from + 2];
}

/** Word by word: for so few, `set` and `subarray` take longer than all else. */
function copy(from: Int32Array, fromAt: number, to: Int32Array, toAt: number, count: number): void {
  for (let word = 0; word < count; word += 1) to[toAt + word] = from[fromAt + word] ?? 0;
}
