/** A part of a list. */
export class Page {
  constructor(
    /** A JSON array. */
    readonly text: string,
    /** Where the next part begins, if there is one: a number for `?offset=`. */
    readonly next: number | undefined,
  ) {}
}

/** What is read in parts. */
export interface Listing<T> {
  readonly items: Iterable<T>;
  /** Ascending, and an item's own: whatever comes and goes, it keeps its number, so that no page misses it. */
  numberOf(item: T, index: number): number;
  toJson(item: T): unknown;
}

const MAX_ITEMS = 1_000;
/** A page ends after an item that makes it longer than this. */
const PAGE_CHARACTERS = 1_048_576;

/**
 * Reads a part of a list, which is bounded in items and in length.
 * @throws TypeError for numbers that can't be used
 */
export function readPage<T>(
  { items, numberOf, toJson }: Listing<T>,
  query: ReadonlyMap<string, string>,
): Page {
  const offset = whole('offset', query, 0);
  const limit = Math.min(whole('limit', query, MAX_ITEMS), MAX_ITEMS);
  if (limit === 0) throw new TypeError('limit: must be a whole number from 1');
  const texts: string[] = [];
  let length = 0;
  let index = 0;
  for (const item of items) {
    const number = numberOf(item, index);
    index += 1;
    if (number < offset) continue;
    if (texts.length === limit || length >= PAGE_CHARACTERS) return page(texts, number);
    const text = JSON.stringify(toJson(item));
    texts.push(text);
    length += text.length;
  }
  return page(texts);
}

function page(texts: readonly string[], next?: number): Page {
  return new Page(`[${texts.join(',')}]`, next);
}

function whole(name: string, query: ReadonlyMap<string, string>, otherwise: number): number {
  const given = query.get(name);
  if (given === undefined) return otherwise;
  if (!/^\d{1,15}$/.test(given)) throw new TypeError(`${name}: must be a whole number`);
  return Number(given);
}
