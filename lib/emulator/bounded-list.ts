/** A list bounded in bytes. When it is full, the oldest items are dropped. */
export class BoundedList<T> {
  /** Oldest first. */
  readonly items: T[] = [];
  readonly #sizes: number[] = [];
  #bytes = 0;
  /** Number of items that were dropped before the first one. */
  dropped = 0;

  constructor(
    private readonly maxBytes: number,
    private readonly onDrop: (dropped: readonly T[]) => void = () => undefined,
  ) {}

  add(item: T, bytes: number): void {
    this.items.push(item);
    this.#sizes.push(bytes);
    this.#bytes += bytes;
    if (this.#bytes <= this.maxBytes) return;
    // More than one at a time, since all the others move up.
    let count = 0;
    for (const size of this.#sizes) {
      if (this.#bytes <= this.maxBytes * 0.9) break;
      this.#bytes -= size;
      count += 1;
    }
    this.#sizes.splice(0, count);
    this.dropped += count;
    this.onDrop(this.items.splice(0, count));
  }

  clear(): void {
    this.items.length = this.#sizes.length = this.#bytes = this.dropped = 0;
  }
}
