import type { Priority } from './permit-pool.js';

interface Waiting {
  readonly request: { readonly priority: Priority; readonly permits: number };
}

/**
 * The queue for permits. Within a priority, requests go in the order of their arrival. Single sends and fan-outs take
 * turns: each turn goes to the priority that has spent fewer permits.
 */
export class Turns<T extends Waiting> {
  // Sets keep the order of arrival and delete in constant time.
  readonly waiting: Readonly<Record<Priority, Set<T>>> = { single: new Set(), bulk: new Set() };
  /** Permits that the waiting requests need. */
  readonly permits: Record<Priority, number> = { single: 0, bulk: 0 };
  /** Permits spent by each priority while both were waiting. */
  readonly #spent: Record<Priority, number> = { single: 0, bulk: 0 };

  add(waiter: T): void {
    const { priority, permits } = waiter.request;
    // A priority without waiting requests saves up no turns.
    if (this.waiting[priority].size === 0) this.#catchUp(priority);
    this.waiting[priority].add(waiter);
    this.permits[priority] += permits;
  }

  delete(waiter: T): void {
    const { priority, permits } = waiter.request;
    if (this.waiting[priority].delete(waiter)) this.permits[priority] -= permits;
  }

  /** All waiting requests in the order of their turns. */
  *inOrder(): Generator<T> {
    for (const priority of this.order) yield* this.waiting[priority];
  }

  /** How many more permits single sends have spent than fan-outs, where these have waited for their turns. */
  get lead(): number {
    return this.#spent.single - this.#spent.bulk;
  }

  /**
   * Counts the permits of a request that is sent now. The caller deletes it from the queue.
   * @param isOwed whether the other priority has the turn and could use it
   */
  spend({ request: { priority, permits } }: T, isOwed: boolean): void {
    const [first] = this.order;
    // Requests that can't be sent save up no turns either.
    if (priority !== first && !isOwed) this.#catchUp(first);
    this.#spent[priority] += permits;
  }

  /** Which priority has the turn, and then the other. */
  get order(): readonly [Priority, Priority] {
    return this.lead <= 0 ? ['single', 'bulk'] : ['bulk', 'single'];
  }

  #catchUp(priority: Priority): void {
    this.#spent[priority] = Math.max(this.#spent.single, this.#spent.bulk);
  }
}
