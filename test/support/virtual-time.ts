import type { GateTime } from '../../lib/quota/quota-gate.js';

/** Time that goes by only when it is waited for. */
export class VirtualTime implements GateTime {
  ms = 0;
  readonly #waiting: { at: number; wake: () => void }[] = [];

  now(): number {
    return this.ms;
  }

  wait(ms: number): Promise<void> {
    return new Promise((wake) => {
      this.#waiting.push({ at: this.ms + ms, wake });
      this.#waiting.sort((a, b) => a.at - b.at);
    });
  }

  /** Lets time go by, waking whoever waits in it. */
  async pass(ms: number): Promise<void> {
    const end = this.ms + ms;
    for (let next = this.#waiting[0]; next !== undefined && next.at <= end; next = this.#waiting[0]) {
      this.#waiting.shift();
      this.ms = Math.max(this.ms, next.at);
      next.wake();
      await new Promise(setImmediate);
    }
    // A process that stood still may be beyond it already.
    this.ms = Math.max(this.ms, end);
  }
}
