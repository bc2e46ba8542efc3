const MAX_ITEMS = 1_000;
/** A page ends after an item that makes it longer than this. */
const PAGE_CHARACTERS = 1_048_576;

/**
 * A page of a list, bounded in items and in length.
 * @param query its `offset` and `limit`
 * @param toJson what is shown of an item
 * @param dropped how many were before the first, and are no longer there: an item keeps its number
 * @returns also the number where the next page begins, if there is one
 * @throws TypeError for numbers that can't be used
 */
export function pageOf<T>(
  items: readonly T[],
  query: URLSearchParams,
  toJson: (item: T) => unknown = (item) => item,
  dropped = 0,
): { readonly page: unknown[]; readonly next: number | undefined } {
  const start = Math.max(0, whole('offset', query, 0) - dropped);
  const limit = Math.min(whole('limit', query, MAX_ITEMS, 1), MAX_ITEMS);
  const page: unknown[] = [];
  let length = 0;
  for (const item of items.slice(start, start + limit)) {
    page.push(toJson(item));
    length += JSON.stringify(page.at(-1)).length;
    if (length >= PAGE_CHARACTERS) break;
  }
  const next = start + page.length;
  return { page, next: next < items.length ? dropped + next : undefined };
}

function whole(name: string, query: URLSearchParams, otherwise: number, least = 0): number {
  // The last, as a query that is added to has it.
  const given = query.getAll(name).at(-1) ?? String(otherwise);
  if (/^\d{1,15}$/.test(given) && Number(given) >= least) return Number(given);
  throw new TypeError(`${name}: must be a whole number from ${least}`);
}
