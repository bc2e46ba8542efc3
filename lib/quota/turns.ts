import type { Priority } from './permit-pool.js';

interface Waiting {
  readonly priority: Priority;
  readonly permits: number;
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

  add(request: T): void {
    // A priority without waiting requests saves up no turns.
    if (this.waiting[request.priority].size === 0) this.#catchUp(request.priority);
    this.waiting[request.priority].add(request);
    this.permits[request.priority] += request.permits;
  }

  delete(request: T): void {
    const { priority, permits } = request;
    if (this.waiting[priority].delete(request)) this.permits[priority] -= permits;
  }

  /** All waiting requests in the order of their turns, or single sends only. */
  *inOrder(withoutBulk = false): Generator<T> {
    for (const priority of [this.#first, otherThan(this.#first)]) {
      if (priority === 'single' || !withoutBulk) yield* this.waiting[priority];
    }
  }

  /** Counts the permits of a request that is sent now. The caller deletes it from the queue. */
  spend(request: T): void {
    // Requests that can't be sent save up no turns either.
    if (request.priority !== this.#first) this.#catchUp(this.#first);
    this.#spent[request.priority] += request.permits;
  }

  get #first(): Priority {
    return this.#spent.single <= this.#spent.bulk ? 'single' : 'bulk';
  }

  #catchUp(priority: Priority): void {
    this.#spent[priority] = Math.max(this.#spent.single, this.#spent.bulk);
  }
}

function otherThan(priority: Priority): Priority {
  return priority === 'single' ? 'bulk' : 'single';
}
