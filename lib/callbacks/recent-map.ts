/** A map whose entries expire. When it is full, the oldest make room. */
export class RecentMap<Value> {
  readonly #entries = new Map<string, { readonly value: Value; readonly until: number }>();

  /** @param capacity number of entries */
  constructor(private readonly capacity: number) {}

  get size(): number {
    return this.#entries.size;
  }

  get(key: string, now: number): Value | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && now < entry.until ? entry.value : undefined;
  }

  /** @param until when it expires. It should not be earlier than that of the entry before, as those go first. */
  set(key: string, value: Value, now: number, until: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, until });
    for (const [oldest, entry] of this.#entries) {
      if (now < entry.until && this.#entries.size <= this.capacity) break;
      this.#entries.delete(oldest);
    }
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }
}
