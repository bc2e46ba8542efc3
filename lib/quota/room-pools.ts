import { PermitPool } from './permit-pool.js';

/** Idle rooms are forgotten each time this many rooms were added. */
const FORGET_EVERY = 100;

/** The permits of each room, if rooms have a limit. */
export class RoomPools {
  readonly #pools = new Map<string, PermitPool>();
  /** When the latest answered request was sent, into whatever room. */
  #answeredSentAt = -Infinity;

  constructor(private readonly now: () => number) {}

  /**
   * Records an answer to a request into any room, or none. It also proves what happened to earlier unanswered requests
   * into other rooms, which may never have another request of their own.
   */
  answered(sentAt: number): void {
    this.#answeredSentAt = Math.max(this.#answeredSentAt, sentAt);
  }

  /**
   * The permits of a room at the limit that it has now. Undefined without a room, or if rooms have no limit.
   * @param limit Infinity: none
   */
  of(roomId: string, limit: number, credit: boolean): PermitPool | undefined {
    if (roomId === '' || limit === Infinity) return undefined;
    let pool = this.#pools.get(roomId);
    if (pool === undefined) {
      if (this.#pools.size % FORGET_EVERY === FORGET_EVERY - 1) {
        for (const [id, idle] of this.#pools) {
          idle.settle(this.#answeredSentAt);
          if (idle.out === 0) this.#pools.delete(id);
        }
      }
      pool = new PermitPool(limit, this.now);
      this.#pools.set(roomId, pool);
    }
    pool.settle(this.#answeredSentAt);
    pool.credit = credit;
    pool.setLimit(limit);
    return pool;
  }
}
