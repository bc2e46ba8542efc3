import type { Permit } from './permit.js';
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

  /** How long until this many permits of a room are free, in milliseconds. */
  delayMs(roomId: string, permits: number): number {
    return this.#limit === Infinity ? 0 : (this.#pools.get(roomId)?.delayMs(permits) ?? 0);
  }

  /** @returns the room's permit, or none if rooms have no limit */
  take(roomId: string, permits: number): Permit[] {
    return this.#limit === Infinity ? [] : [this.#poolOf(roomId).take(permits)];
  }

  #poolOf(roomId: string): PermitPool {
    const known = this.#pools.get(roomId);
    if (known !== undefined) return known;
    if (this.#pools.size % FORGET_EVERY === FORGET_EVERY - 1) {
      for (const [id, pool] of this.#pools) if (pool.isIdle) this.#pools.delete(id);
    }
    const pool = new PermitPool(this.#limit, this.now, this.#credit);
    this.#pools.set(roomId, pool);
    return pool;
  }
}
