const MAX_ITEMS = 1_000;
/** A list ends with an item that makes it longer than this. */
const MAX_CHARACTERS = 1_048_576;

/**
 * The latest of a list, oldest first, bounded in items and in length.
 * @param toJson what is shown of an item
 */
export function latestOf<T>(
  items: readonly T[],
  toJson: (item: T) => unknown = (item) => item,
): readonly unknown[] {
  const latest: unknown[] = [];
  let length = 0;
  for (const item of items.slice(-MAX_ITEMS).reverse()) {
    latest.push(toJson(item));
    length += JSON.stringify(latest.at(-1)).length;
    if (length >= MAX_CHARACTERS) break;
  }
  return latest.reverse();
}
