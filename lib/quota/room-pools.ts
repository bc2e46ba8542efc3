import { PermitPool } from './permit-pool.js';

/** Idle rooms are forgotten each time this many rooms were added. */
const FORGET_EVERY = 100;

/** The permits of each room, if rooms have a limit. */
export class RoomPools {
  readonly #pools = new Map<string, PermitPool>();
  /** Infinity: no limit. */
  #limit = Infinity;
  #credit = true;

  constructor(private readonly now: () => number) {}

  configure(limit: number, credit: boolean): void {
    this.#limit = limit;
    this.#credit = credit;
    for (const pool of this.#pools.values()) {
      pool.credit = credit;
      if (limit < Infinity) pool.setLimit(limit);
    }
  }

  /** The permits of a room. Undefined if rooms have no limit. */
  of(roomId: string | undefined): PermitPool | undefined {
    if (roomId === undefined || this.#limit === Infinity) return undefined;
    const known = this.#pools.get(roomId);
    if (known !== undefined) return known;
    if (this.#pools.size % FORGET_EVERY === FORGET_EVERY - 1) {
      for (const [id, pool] of this.#pools) if (pool.out === 0) this.#pools.delete(id);
    }
    const pool = new PermitPool(this.#limit, this.now, this.#credit);
    this.#pools.set(roomId, pool);
    return pool;
  }
}
