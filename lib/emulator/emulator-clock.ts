/** The emulator's wall clock. A test can set it ahead or behind. Quota windows ignore it. */
export class EmulatorClock {
  /** How far it is ahead of this machine's clock, in milliseconds; negative when it is behind. */
  offsetMs = 0;

  /** Milliseconds since the epoch. */
  now(): number {
    return Date.now() + this.offsetMs;
  }
}
