import type { Priority } from './permit.js';

interface Waiting {
  readonly priority: Priority;
  readonly permits: number;
}

/**
 * Requests that wait: first come first served within a priority. Single sends and fan-outs take turns by the permits
 * that they spend.
 */
export class Turns<T extends Waiting> {
  // Sets keep the order of coming, and let go of whoever cancels.
  readonly waiting: Readonly<Record<Priority, Set<T>>> = { single: new Set(), bulk: new Set() };
  /** Permits that those who wait are to take. */
  readonly #permits: Record<Priority, number> = { single: 0, bulk: 0 };
  /** Permits that each has spent, while both were waiting. */
  readonly #spent: Record<Priority, number> = { single: 0, bulk: 0 };

  get size(): number {
    return this.waiting.single.size + this.waiting.bulk.size;
  }

  add(request: T): void {
    // Whoever was away has no turns to make up for.
    if (this.waiting[request.priority].size === 0) this.#catchUp(request.priority);
    this.waiting[request.priority].add(request);
    this.#permits[request.priority] += request.permits;
  }

  delete(request: T): void {
    const { priority, permits } = request;
    if (this.waiting[priority].delete(request)) this.#permits[priority] -= permits;
  }

  /**
   * How many permits are spent, at most, before one that comes now has its own.
   * @param waiting of these, its own, if it is among those who wait
   */
  permitsBefore(priority: Priority, waiting: number): number {
    const own = this.#permits[priority] - waiting;
    return own + Math.min(own, this.#permits[otherThan(priority)]);
  }

  /** All of them, the one whose turn it is first; or single sends alone. */
  *inOrder(withoutBulk = false): Generator<T> {
    for (const priority of [this.#first, otherThan(this.#first)]) {
      if (priority === 'single' || !withoutBulk) yield* this.waiting[priority];
    }
  }

  /** One goes, and is to be deleted: in its turn, or since those before it can't go. */
  spend(request: T): void {
    // Those who can't go have no turns to make up for either.
    if (request.priority !== this.#first) this.#catchUp(this.#first);
    this.#spent[request.priority] += request.permits;
  }

  get #first(): Priority {
    return this.#spent.single <= this.#spent.bulk ? 'single' : 'bulk';
  }

  #catchUp(priority: Priority): void {
    this.#spent[priority] = Math.max(this.#spent[priority], this.#spent[otherThan(priority)]);
  }
}

function otherThan(priority: Priority): Priority {
  return priority === 'single' ? 'bulk' : 'single';
}
