const MAX_ITEMS = 1_000;
/** A page ends after an item that makes it longer than this. */
const PAGE_CHARACTERS = 1_048_576;

/** A part of a list. */
export class Page {
  constructor(
    /** A JSON array. */
    readonly text: string,
    /** The number where the next part begins, if there is one. */
    readonly next: number | undefined,
  ) {}
}

/**
 * A part of a list, which is bounded in items and in length.
 * @param query its `offset` and `limit`
 * @param firstNumber of the first, of all that ever were: an item keeps its own when those before it are dropped
 * @throws TypeError for numbers that can't be used
 */
export function pageOf<T>(
  query: URLSearchParams,
  items: readonly T[],
  toJson: (item: T) => unknown = (item) => item,
  firstNumber = 0,
): Page {
  const start = Math.max(0, whole('offset', query, 0) - firstNumber);
  const limit = Math.min(whole('limit', query, MAX_ITEMS), MAX_ITEMS);
  if (limit === 0) throw new TypeError('limit: must be a whole number from 1');
  const texts: string[] = [];
  let length = 0;
  for (const item of items.slice(start, start + limit)) {
    const text = JSON.stringify(toJson(item));
    texts.push(text);
    length += text.length;
    if (length >= PAGE_CHARACTERS) break;
  }
  const next = start + texts.length;
  return new Page(`[${texts.join()}]`, next < items.length ? firstNumber + next : undefined);
}

function whole(name: string, query: URLSearchParams, otherwise: number): number {
  // The last, as a query that is added to has it.
  const given = query.getAll(name).at(-1);
  if (given === undefined) return otherwise;
  if (!/^\d{1,15}$/.test(given)) throw new TypeError(`${name}: must be a whole number`);
  return Number(given);
}
