const MAX_ITEMS = 1_000;
/** A page ends after an item that makes it longer than this. */
const PAGE_CHARACTERS = 1_048_576;

/** A part of a list. */
export interface Page {
  /** A JSON array. */
  readonly text: string;
  /** The number where the next part begins, if there is one. */
  readonly next?: number;
}

/** A list that is read in parts, which are bounded in items and in length. */
export class Listing<T> {
  constructor(
    private readonly items: Iterable<T>,
    /** The number of the first, of all that ever were: an item keeps its own when those before it are dropped. */
    private readonly firstNumber: number,
    private readonly toJson: (item: T) => unknown = (item) => item,
  ) {}

  /**
   * @param query its `offset` and `limit`
   * @throws TypeError for numbers that can't be used
   */
  page(query: URLSearchParams): Page {
    const offset = whole('offset', query, 0);
    const limit = Math.min(whole('limit', query, MAX_ITEMS), MAX_ITEMS);
    if (limit === 0) throw new TypeError('limit: must be a whole number from 1');
    const texts: string[] = [];
    let length = 0;
    let number = this.firstNumber - 1;
    for (const item of this.items) {
      number += 1;
      if (number < offset) continue;
      if (texts.length === limit || length >= PAGE_CHARACTERS)
        return { text: `[${texts.join()}]`, next: number };
      const text = JSON.stringify(this.toJson(item));
      texts.push(text);
      length += text.length;
    }
    return { text: `[${texts.join()}]` };
  }
}

function whole(name: string, query: URLSearchParams, otherwise: number): number {
  // The last, as a query that is added to has it.
  const given = query.getAll(name).at(-1);
  if (given === undefined) return otherwise;
  if (!/^\d{1,15}$/.test(given)) throw new TypeError(`${name}: must be a whole number`);
  return Number(given);
}
