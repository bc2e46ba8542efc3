import { PermitPool } from './permit-pool.js';

/** Idle rooms are forgotten each time this many rooms were added. */
const FORGET_EVERY = 100;

/** The permits of each room, if rooms have a limit. */
export class RoomPools {
  readonly #pools = new Map<string, PermitPool>();

  constructor(private readonly now: () => number) {}

  /**
   * The permits of a room at the limit that it has now. Undefined without a room, or if rooms have no limit.
   * @param limit Infinity: none
   */
  of(roomId: string, limit: number, credit: boolean): PermitPool | undefined {
    if (roomId === '' || limit === Infinity) return undefined;
    let pool = this.#pools.get(roomId);
    if (pool === undefined) {
      if (this.#pools.size % FORGET_EVERY === FORGET_EVERY - 1) {
        for (const [id, { out }] of this.#pools) if (out === 0) this.#pools.delete(id);
      }
      pool = new PermitPool(limit, this.now);
      this.#pools.set(roomId, pool);
    }
    pool.credit = credit;
    pool.setLimit(limit);
    return pool;
  }
}
