/** Further than this, there would be no date to write. */
const MAX_OFFSET_MS = 100 * 366 * 86_400_000;

/** The emulator's wall clock. A test can set it ahead or behind. Quota windows ignore it. */
export class EmulatorClock {
  #offsetMs = 0;

  /** How far it is ahead of this machine's clock, in milliseconds; negative when it is behind. */
  get offsetMs(): number {
    return this.#offsetMs;
  }

  /** @throws RangeError beyond a century */
  set offsetMs(offsetMs: number) {
    if (!(Math.abs(offsetMs) <= MAX_OFFSET_MS)) throw new RangeError('offsetMs: must be within a century');
    this.#offsetMs = offsetMs;
  }

  /** Milliseconds since the epoch. */
  now(): number {
    return Date.now() + this.#offsetMs;
  }
}
