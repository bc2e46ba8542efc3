import type { Permit } from './permit.js';
import { PermitPool } from './permit-pool.js';

/** When there are so many, those without anything out are forgotten; then when there are twice as many as are left. */
const FORGET_AT = 100;

/** The permits of each room, where rooms have a limit. */
export class RoomPools {
  readonly #pools = new Map<string, PermitPool>();
  #forgetAt = FORGET_AT;

  constructor(
    /** Infinity: none. */
    private limit: number,
    private readonly now: () => number,
    private credit: boolean,
  ) {}

  configure(limit: number, credit: boolean): void {
    this.limit = limit;
    this.credit = credit;
    for (const pool of this.#pools.values()) {
      pool.credit = credit;
      if (limit < Infinity) pool.setLimit(limit);
    }
  }

  /**
   * How long until so many permits may be taken of a room, in milliseconds.
   * @param full rooms that are known to have none, and for how long: filled, so that a room is asked once
   */
  delayMs(roomId: string | undefined, permits: number, full: Map<string, number>): number {
    if (roomId === undefined || this.limit === Infinity) return 0;
    const known = full.get(roomId);
    if (known !== undefined) return known;
    const delayMs = this.#pools.get(roomId)?.delayMs(permits, true) ?? 0;
    if (delayMs > 0) full.set(roomId, delayMs);
    return delayMs;
  }

  take(roomId: string | undefined, permits: number): Permit[] {
    if (roomId === undefined || this.limit === Infinity) return [];
    let pool = this.#pools.get(roomId);
    if (pool === undefined) {
      if (this.#pools.size >= this.#forgetAt) this.#forgetIdle();
      pool = new PermitPool(this.limit, this.now, this.credit);
      this.#pools.set(roomId, pool);
    }
    return [pool.take(permits)];
  }

  #forgetIdle(): void {
    for (const [roomId, pool] of this.#pools) if (pool.isIdle) this.#pools.delete(roomId);
    this.#forgetAt = Math.max(FORGET_AT, 2 * this.#pools.size);
  }
}
