const MAX_ITEMS = 1_000;
/** A page ends after an item that makes it longer than this. */
const PAGE_CHARACTERS = 1_048_576;

/** A list that is answered in pages, each bounded in items and in length. */
export class Listing<T> {
  /**
   * @param toJson what is shown of an item
   * @param dropped how many were before the first, and are no longer there: an item keeps its number
   */
  constructor(
    private readonly items: readonly T[],
    private readonly toJson: (item: T) => unknown = (item) => item,
    private readonly dropped = 0,
  ) {}

  /**
   * @param query its `offset` and `limit`
   * @returns a JSON array, and the number where the next page begins, if there is one
   * @throws TypeError for numbers that can't be used
   */
  page(query: URLSearchParams): { readonly text: string; readonly next: number | undefined } {
    const start = Math.max(0, whole('offset', query, 0) - this.dropped);
    const limit = Math.min(whole('limit', query, MAX_ITEMS, 1), MAX_ITEMS);
    const texts: string[] = [];
    let length = 0;
    for (const item of this.items.slice(start, start + limit)) {
      const text = JSON.stringify(this.toJson(item));
      texts.push(text);
      length += text.length;
      if (length >= PAGE_CHARACTERS) break;
    }
    const next = start + texts.length;
    return { text: `[${texts.join()}]`, next: next < this.items.length ? this.dropped + next : undefined };
  }
}

function whole(name: string, query: URLSearchParams, otherwise: number, least = 0): number {
  // The last, as a query that is added to has it.
  const given = query.getAll(name).at(-1) ?? String(otherwise);
  if (/^\d{1,15}$/.test(given) && Number(given) >= least) return Number(given);
  throw new TypeError(`${name}: must be a whole number from ${least}`);
}
