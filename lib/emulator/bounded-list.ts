/** Keeps the last of what is added: beyond so many bytes, the oldest is dropped. */
export class BoundedList<T> {
  /** Oldest first. */
  readonly items: T[] = [];
  readonly #sizes: number[] = [];
  #bytes = 0;
  /** How many were dropped, and came before those. */
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
