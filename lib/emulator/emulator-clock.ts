/** The emulator's wall clock, which a test can put ahead or behind. Quota windows don't follow it. */
export class EmulatorClock {
  /** How far it is ahead of this machine's clock, in milliseconds; negative when it is behind. */
  offsetMs = 0;

  /** Milliseconds since the epoch. */
  now(): number {
    return Date.now() + this.offsetMs;
  }
}
